// What the scenes type into the house: the needles of the search for clear text (scenes/clear). Forms that browsers send are read
// here, so no scene can forget to tell; a field that this table does not know fails the scene that sends it.
const NOT_PERSONAL = null;
const FIELDS = {
  name: 'name', kana: 'kana', email: 'email', phone: 'phone', address: 'address', password: 'text',
  csrf: NOT_PERSONAL,
  postal: NOT_PERSONAL, // shared by a quarter of a town
  number: NOT_PERSONAL, // of a booking
  sex: NOT_PERSONAL, year: NOT_PERSONAL, month: NOT_PERSONAL, day: NOT_PERSONAL, // together a birth date, see below
  adults: NOT_PERSONAL, children: NOT_PERSONAL, consent: NOT_PERSONAL, from: NOT_PERSONAL, max: NOT_PERSONAL, next: NOT_PERSONAL,
  place: NOT_PERSONAL, city: NOT_PERSONAL, q: NOT_PERSONAL, same: NOT_PERSONAL, scenario: NOT_PERSONAL, sort: NOT_PERSONAL,
  to: NOT_PERSONAL, token: NOT_PERSONAL, version: NOT_PERSONAL,
  fee: NOT_PERSONAL, // a cancellation: yen as shown, and which of the people
  p1: NOT_PERSONAL, p2: NOT_PERSONAL, p3: NOT_PERSONAL, p4: NOT_PERSONAL, p5: NOT_PERSONAL, p6: NOT_PERSONAL, p7: NOT_PERSONAL, p8: NOT_PERSONAL,
};
// Shorter ones are words of any language: to find them proves nothing.
const SHORTEST = { name: 4, kana: 4, email: 8, phone: 9, address: 8, text: 10 };

const needles = new Map(); // "kind TAB value" -> {kind, value}

export function typed(kind, value) {
  const text = String(value).normalize('NFC').trim();
  if ((SHORTEST[kind] ?? 0) > text.length || /[\u0000-\u001f\u007f]/.test(text) || Buffer.byteLength(text) > 512) return;
  if (kind === 'email' && !text.includes('@')) return;
  if (kind === 'phone' && text.replace(/\D/g, '').length < 9) return;
  needles.set(`${kind}\t${text}`, { kind, value: text });
}

export function typedBirth(year, month, day) {
  const [y, m, d] = [year, month, day].map(Number);
  if (!(y > 1900 && y < 2100 && m >= 1 && m <= 12 && d >= 1 && d <= 31)) return;
  typed('birth', `${y}-${String(m).padStart(2, '0')}-${String(d).padStart(2, '0')}`);
}

const luhn = (digits) => [...digits].reverse().reduce((sum, c, i) => {
  const twice = Number(c) * (i % 2 ? 2 : 1);
  return sum + (twice > 9 ? twice - 9 : twice);
}, 0) % 10 === 0;

// Card numbers in any text, as people write them.
export function typedCards(text) {
  for (const [run] of text.normalize('NFKC').matchAll(/\d(?:[ .\-‐－]?\d){12,18}/g)) {
    const digits = run.replace(/\D/g, '');
    if (luhn(digits)) typed('card', digits);
  }
}

// A form as a browser sends it, or any other body or address: cards are looked for in all of them.
export function typedForm(body) {
  const births = new Map();
  for (const [key, value] of new URLSearchParams(body)) {
    const [, traveller, name] = key.match(/^(t\d+_)?(.*)$/);
    if (!(name in FIELDS)) throw new Error(`scenes/lib/typed.mjs does not know the field ${key}: is what stands in it personal?`);
    if (['year', 'month', 'day'].includes(name)) births.set(traveller, { ...births.get(traveller), [name]: value });
    if (FIELDS[name]) typed(FIELDS[name], value);
    typedCards(value);
  }
  for (const { year, month, day } of births.values()) typedBirth(year, month, day);
}

export function typedPerson(person) {
  for (const kind of ['name', 'kana', 'email', 'phone', 'address']) if (person[kind]) typed(kind, person[kind]);
  if (person.birth) typedBirth(...person.birth);
}

// Requests of a browser's page.
export function typedBy(request) {
  typedCards(decodeURIComponent(new URL(request.url()).search.replace(/%(?![0-9a-f]{2})/gi, '%25').replaceAll('+', ' ')));
  if (request.method() === 'POST' && request.postData()) typedForm(request.postData());
}

export const typedAll = () => [...needles.values()];
