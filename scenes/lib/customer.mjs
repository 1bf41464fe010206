// A customer without a browser: the same pages and forms, read as text. For load and for scenes where many book at once.
import { request, waitFor } from './house.mjs';
import { personNew } from './booking.mjs';

const HOST = 'shop.localhost';
const unescape = (text) => text.replace(/&quot;/g, '"').replace(/&#39;/g, "'").replace(/&lt;/g, '<').replace(/&gt;/g, '>').replace(/&amp;/g, '&');

// The fields of the form whose action ends so, as the page would send them untouched.
export class SoldOut extends Error {}

function formOf(html, ending) {
  const form = [...html.matchAll(/<form\b[^>]*action="([^"]*)"[^>]*>([\s\S]*?)<\/form>/g)].find((hit) => hit[1].endsWith(ending));
  if (!form && ending === '/hold') throw new SoldOut('no seats there any more');
  if (!form) throw new Error(`no form ${ending} in a page titled ${html.match(/<title>([^<]*)/)?.[1]}`);
  const fields = {};
  for (const [, tag] of form[2].matchAll(/<input\b([^>]*)>/g)) {
    const name = tag.match(/name="([^"]*)"/)?.[1];
    const type = tag.match(/type="([^"]*)"/)?.[1];
    if (name && !['checkbox', 'radio', 'submit'].includes(type)) fields[name] = unescape(tag.match(/value="([^"]*)"/)?.[1] ?? '');
  }
  return { action: unescape(form[1]), fields };
}

export class Customer {
  static requests = 0; // of all of them: what a load amounts to

  constructor(house) {
    this.house = house;
    this.cookies = new Map();
    this.person = personNew('ja');
  }

  async #ask(port, host, options) {
    Customer.requests++;
    const cookie = [...this.cookies].map(([name, value]) => `${name}=${value}`).join('; ');
    const origin = `http://${host}:${port}`;
    const got = await request(port, host, { ...options, headers: { 'Accept-Language': 'ja', ...(host === HOST && cookie ? { Cookie: cookie } : {}),
      ...(options.body ? { 'Content-Type': 'application/x-www-form-urlencoded', Origin: origin } : {}) } });
    for (const line of got.headers['set-cookie'] ?? []) {
      const [, name, value] = line.match(/^([^=]+)=([^;]*)/);
      this.cookies.set(name, value);
    }
    return { status: got.status, to: got.headers.location, html: got.body.toString(), type: got.headers['content-type'], bytes: got.body };
  }

  get(target) { return this.#ask(this.house.port, HOST, { target }); }

  async #send(page, ending, values) {
    const form = formOf(page.html, ending);
    return this.#ask(this.house.port, HOST, { method: 'POST', target: form.action, body: new URLSearchParams({ ...form.fields, ...values }).toString() });
  }

  #local(to) { return to.replace(/^https?:\/\/[^/]+/, ''); }

  async #follow(got, wanted) {
    if (got.status !== 303 || !wanted.test(got.to)) throw new Error(`${got.status} to ${got.to}, wanted ${wanted}: ${got.html.match(/<title>([^<]*)/)?.[1]}`);
    return got.to;
  }

  // Seats on hold for a departure ("/departures/..."); then the booking exists.
  async hold(departure, adults = 1) {
    const got = await this.#send(await this.get(departure), '/hold', { adults: String(adults), children: '0' });
    if (got.status === 409) throw new SoldOut('the last seats went meanwhile');
    this.booking = (await this.#follow(got, /\/bookings\/[a-z]+\/travellers/)).match(/bookings\/([a-z]+)/)[1];
    return this.booking;
  }

  async travellers() {
    const p = this.person;
    const page = await this.get(`/bookings/${this.booking}/travellers`);
    const got = await this.#send(page, '/travellers', { name: p.name, kana: p.kana, email: p.email, phone: p.phone, postal: p.postal, address: p.address,
      same: '1', t1_year: String(p.birth[0]), t1_month: String(p.birth[1]), t1_day: String(p.birth[2]), t1_sex: p.sex });
    await this.#follow(got, /\/confirm$/);
  }

  // Agrees; the provider's page is where the shop sends.
  async toProvider() {
    const page = await this.get(`/bookings/${this.booking}/confirm`);
    this.session = await this.#follow(await this.#send(page, '/confirm', { consent: '1' }), /\/sessions\/[a-z0-9]+$/);
    return this.session;
  }

  // A button on the provider's page.
  async act(scenario) {
    const url = new URL(this.session);
    const page = await this.#ask(Number(url.port), url.hostname, { target: url.pathname });
    const form = formOf(page.html, '/act');
    const got = await this.#ask(Number(url.port), url.hostname, { method: 'POST', target: this.#local(form.action), body: new URLSearchParams({ ...form.fields, scenario }).toString() });
    if (got.status !== 303) throw new Error(`the provider answers ${got.status}`);
  }

  // The booking page's own word for how it stands.
  async state() {
    const got = await this.get(`/bookings/${this.booking}`);
    return got.html.match(/\bstate-([a-z_]+)/)?.[1] ?? String(got.status);
  }

  async becomes(want) {
    let seen;
    return waitFor(`booking ${this.booking} to be ${want}`, async () => (seen = await this.state()) === want, { every: 250 })
      .catch((error) => { throw new Error(`${error.message}; it is ${seen}`); });
  }

  // From nothing to the provider's page.
  async book(departure, adults = 1) {
    await this.hold(departure, adults);
    await this.travellers();
    return this.toProvider();
  }
}

// Departures with many seats, of all tours.
export async function departuresOf(house) {
  const visitor = new Customer(house);
  const tours = new Set();
  for (let page = 1; page < 10; page++) {
    const { html } = await visitor.get(`/tours?page=${page}`);
    const before = tours.size;
    for (const [, slug] of html.matchAll(/href="\/tours\/([a-z][a-z-]*)/g)) tours.add(slug);
    if (tours.size === before) break;
  }
  const found = new Set();
  for (const tour of tours) {
    const { html } = await visitor.get(`/tours/${tour}`);
    for (const [, row] of html.matchAll(/<li class="[^"]*\bdep\b[^"]*"[^>]*>([\s\S]*?)<\/li>/g)) {
      const href = row.match(/href="(\/departures\/[a-z]+)[^"]*"/)?.[1];
      if (href && !/dep-seats/.test(row)) found.add(href);
    }
  }
  return [...found];
}
