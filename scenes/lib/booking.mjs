// The customer's way as functions: search, tour, departure, hold, travellers, consent, provider. Each does what a
// person does with the page in front of them; none knows an address that a page does not show.
import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { waitFor } from './house.mjs';
import { typedPerson } from './typed.mjs';

const LETTERS = 'abcdefghijkmnpqrstuvwxyz';
const letters = (n) => [...randomBytes(n)].map((b) => LETTERS[b % LETTERS.length]).join('');

const pick = (list) => list[randomBytes(1)[0] % list.length];
const number = (from, to) => from + (randomBytes(4).readUInt32LE() % (to - from + 1));
const digits = (n) => Array.from({ length: n }, () => number(2, 9)).join('');

// Names that stand nowhere else in the house, the catalogue or the language, so that finding one means something.
const FAMILIES = [['霧ヶ嶺', 'キリガミネ', 'Kirigamine'], ['椿之宮', 'ツバキノミヤ', 'Tsubakinomiya'], ['雫石川', 'シズクイシガワ', 'Shizukuishigawa'],
  ['鷺沼森', 'サギヌマモリ', 'Saginumamori'], ['薊ヶ谷', 'アザミガヤツ', 'Azamigayatsu'], ['蛍袋田', 'ホタルブクロダ', 'Hotarubukuroda'],
  ['鵯坂上', 'ヒヨドリザカウエ', 'Hiyodorizakaue'], ['葛籠折', 'ツヅラオリ', 'Tsuzuraori'], ['朧月野', 'オボロヅキノ', 'Oborozukino'],
  ['櫟木原', 'クヌギハラ', 'Kunugihara'], ['鱗雲井', 'ウロコグモイ', 'Urokogumoi'], ['篝火町', 'カガリビマチ', 'Kagaribimachi']];
const GIVEN = [['露草実', 'ツユクサミ', 'Tsuyukusami'], ['撫子姫', 'ナデシコヒメ', 'Nadeshikohime'], ['萱之助', 'カヤノスケ', 'Kayanosuke'],
  ['楓香里', 'フウカリ', 'Fuukarina'], ['木賊丸', 'トクサマル', 'Tokusamaru'], ['菫衣子', 'スミレイコ', 'Sumireiko'],
  ['鳩之進', 'ハトノシン', 'Hatonoshin'], ['茜音子', 'アカネコ', 'Akanenoko'], ['楡之丞', 'ニレノジョウ', 'Nirenojou'],
  ['苔虎吉', 'コケトラキチ', 'Koketorakichi'], ['雪柳子', 'ユキヤナギコ', 'Yukiyanagiko'], ['蓬太郎', 'ヨモギタロウ', 'Yomogitarou']];

function nameNew() {
  const family = pick(FAMILIES), given = pick(GIVEN);
  return { kanji: `${family[0]} ${given[0]}`, kana: `${family[1]} ${given[1]}`, roman: `${given[2]} ${family[2]}` };
}

// A person nobody else in the scenes is: mails and bookings are found again by the address.
export function personNew(lang = 'ja') {
  const name = nameNew();
  const email = `scene.${letters(10)}@example.com`;
  const birth = [number(1950, 2000), number(1, 12), number(1, 28)];
  const person = lang === 'ja'
    ? { name: name.kanji, kana: name.kana, email, phone: `090-${digits(4)}-${digits(4)}`, postal: '060-0001', address: `北海道札幌市中央区北一条西二丁目 ${name.kanji.slice(0, 3)}荘${digits(3)}号`, birth, sex: 'f' }
    : { name: name.roman, kana: name.kana, email, phone: `+81 90 ${digits(4)} ${digits(4)}`, postal: '160-0022', address: `${digits(3)} ${letters(6)} mansion, Shinjuku, Tokyo`, birth, sex: 'x' };
  typedPerson(person);
  return person;
}

function companion(n, child) {
  const name = nameNew();
  const year = child ? new Date().getUTCFullYear() - 7 : 1980 + n;
  return { name: name.kanji, kana: name.kana, birth: [year, number(1, 12), number(1, 28)] };
}

export async function homeOpen(page, house) {
  await page.goto(`${house.shop}/`);
  assert.equal(await page.locator('html').getAttribute('lang'), page.lang, 'the browser\'s language');
}

// The language of the page by its own link, as a visitor without settings would.
export async function langChoose(page, lang) {
  if ((await page.locator('html').getAttribute('lang')) !== lang) await page.locator('a.lang').click();
  assert.equal(await page.locator('html').getAttribute('lang'), lang);
  page.lang = lang;
}

// place and city are codes of the options, as the forms have them.
export async function search(page, { place = '', city = '' } = {}) {
  await page.locator('#s-place').selectOption(place);
  await page.locator('#s-city').selectOption(city);
  await page.locator('form.search button[type=submit]').click();
  await page.waitForURL(/\/tours\?/);
  return page.locator('.card-title a').count();
}

export async function tourOpen(page, slug) {
  const link = slug ? page.locator(`.card-title a[href^="/tours/${slug}"]`) : page.locator('.card-title a').first();
  await link.click();
  await page.waitForURL(/\/tours\/[a-z]/);
}

// Departures of the tour page that can be booked: {href, seats} (seats: number when the page says how many are left).
export async function departures(page) {
  const rows = await page.locator('li.dep:has(a.button)').all();
  return Promise.all(rows.map(async (row) => {
    const left = row.locator('.dep-seats');
    const text = (await left.count()) ? await left.innerText() : '';
    return { href: await row.locator('a.button').getAttribute('href'), seats: text ? Number(text.match(/\d+/)[0]) : Infinity };
  }));
}

// fits(departure) chooses; the last that fits, so that clock steps do not reach its deadline.
export async function departureOpen(page, fits = (d) => d.seats === Infinity) {
  const all = await departures(page);
  const chosen = all.filter(fits).at(-1);
  assert.ok(chosen, `a departure that fits among ${JSON.stringify(all)}`);
  await page.locator(`a.button[href="${chosen.href}"]`).click();
  await page.waitForURL(/\/departures\//);
  return chosen;
}

// Takes the seats; the booking exists from here on.
export async function hold(page, { adults = 1, children = 0 } = {}) {
  await page.locator('#adults').selectOption(String(adults));
  await page.locator('#children').selectOption(String(children));
  await page.locator('form[action$="/hold"] button[type=submit]').click();
  await page.waitForURL(/\/bookings\/[a-z]+\/travellers/);
  const id = new URL(page.url()).pathname.split('/')[2];
  const number = (await page.locator('.summary .booking-number').innerText()).trim();
  return { id, number, adults, children };
}

async function birthFill(page, n, [year, month, day]) {
  await page.locator(`#t${n}_year`).fill(String(year));
  await page.locator(`#t${n}_month`).fill(String(month));
  await page.locator(`#t${n}_day`).fill(String(day));
}

export async function travellersFill(page, booking, person) {
  for (const key of ['name', 'kana', 'email', 'phone', 'postal', 'address']) {
    await page.locator(`#${key}`).fill(person[key]);
  }
  await page.locator('#same').check();
  await birthFill(page, 1, person.birth);
  await page.locator('#t1_sex').selectOption(person.sex);
  booking.companions = [];
  for (let n = 2; n <= booking.adults + booking.children; n++) {
    const who = companion(n, n > booking.adults);
    booking.companions.push(who);
    await page.locator(`#t${n}_name`).fill(who.name);
    await page.locator(`#t${n}_kana`).fill(who.kana);
    await birthFill(page, n, who.birth);
  }
}

export async function travellersSend(page) {
  await page.locator('form[action$="/travellers"] button.button-main').click();
}

export async function travellers(page, booking, person) {
  await travellersFill(page, booking, person);
  await travellersSend(page);
  await page.waitForURL(/\/confirm$/);
}

// Reads nothing, agrees, goes to pay. Ends wherever the shop leads.
export async function consent(page) {
  await page.locator('#consent').check();
  await page.locator('form[action$="/confirm"] button.button-main').click();
}

export async function atProvider(page, house) {
  await page.waitForURL(new RegExp(`^${house.psp}/sessions/`));
}

// One of the provider's scenarios (pay/paysim/sim.h); the plain buttons where the page has them.
export async function act(page, scenario) {
  const button = page.locator(`button[name=scenario][value=${scenario}]`).first();
  if (!(await button.isVisible())) await page.locator('summary').click();
  await button.click();
}

export async function backAtShop(page, house) {
  await page.waitForURL(new RegExp(`^${house.shop}/pay/return/`));
}

// From nothing to the provider's page.
export async function toProvider(page, house, { tour = 'nikko-autumn', place = 'kanto', city = 'tokyo', fits, adults = 1, children = 0, person = personNew(page.lang) } = {}) {
  const booking = await toConfirm(page, house, { tour, place, city, fits, adults, children, person });
  await consent(page);
  await atProvider(page, house);
  return booking;
}

export async function toConfirm(page, house, { tour = 'nikko-autumn', place = 'kanto', city = 'tokyo', fits, adults = 1, children = 0, person = personNew(page.lang) } = {}) {
  await homeOpen(page, house);
  assert.ok((await search(page, { place, city })) > 0, 'tours found');
  await tourOpen(page, tour);
  const departure = await departureOpen(page, fits);
  const booking = await hold(page, { adults, children });
  await travellers(page, booking, person);
  return { ...booking, person, departure };
}

// The booking page's own word for how it stands: the code in its class.
export async function stateOf(page, house, booking) {
  await page.goto(`${house.shop}/bookings/${booking.id}`);
  const classes = await page.locator('.flow-main > .state').getAttribute('class');
  return classes.match(/state-([a-z_]+)/)[1];
}

export async function stateBecomes(page, house, booking, want) {
  let seen;
  return waitFor(`booking ${booking.number} to be ${want}`, async () => {
    seen = await stateOf(page, house, booking);
    return seen === want;
  }, { every: 250 }).catch((error) => { throw new Error(`${error.message}; it is ${seen}`); });
}
