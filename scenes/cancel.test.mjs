// A paid booking is cancelled, in part and whole: the fee explained line by line before the last click, the sums in the record, at
// the provider and in the letter; a fee that rises meanwhile is shown again.
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import * as way from './lib/booking.mjs';
import { facts, request, waitFor } from './lib/house.mjs';
import { look } from './lib/look.mjs';
import { scenes } from './lib/scene.mjs';

const file = scenes('cancel');
const DAY = 86400;
let stepped = 0; // the house's clock is ahead by so many seconds

async function paid(page, house, people) {
  const booking = await way.toProvider(page, house, people);
  await way.act(page, 'success');
  await way.backAtShop(page, house);
  await page.locator('.calm-good').waitFor();
  await way.stateBecomes(page, house, booking, 'confirmed');
  return booking;
}

// Days since 1970 of the departure, as the page says it in Japanese or English.
async function departureDay(page) {
  const text = (await page.locator('.summary .facts dd').allInnerTexts()).join(' ');
  const ja = text.match(/(\d{4})年(\d{1,2})月(\d{1,2})日/);
  if (ja) return Date.UTC(Number(ja[1]), Number(ja[2]) - 1, Number(ja[3])) / (DAY * 1000);
  return Date.parse(`${text.match(/\d{1,2} [A-Z][a-z]{2} \d{4}/)[0]} UTC`) / (DAY * 1000);
}

// A paper of the booking whose page is open, as words.
async function paperOf(page, house, kind) {
  const cookie = (await page.context().cookies()).map(({ name, value }) => `${name}=${value}`).join('; ');
  const target = `${new URL(page.url()).pathname}/papers/${kind}`;
  const got = await request(house.port, 'shop.localhost', { target, headers: { Cookie: cookie, 'Accept-Language': 'ja' } });
  assert.equal(got.status, 200, target);
  return execFileSync('pdftotext', ['-layout', '-', '-'], { input: got.body, encoding: 'utf8' });
}

const japan = () => Math.floor(Date.now() / 1000) + 9 * 3600 + stepped; // seconds of Japan's clock
const today = () => Math.floor(japan() / DAY);

async function step(house, seconds) {
  await house.step(seconds);
  stepped += seconds;
}

// The house's clock to a minute of the day that is n days before departure. Sessions end on the way: the guest finds the booking
// again.
async function daysBefore(page, house, booking, day, n, minute = 12 * 60) {
  const seconds = (day - n) * DAY + minute * 60 - japan();
  assert.ok(seconds > 0, `departure is ${day - today()} days ahead`);
  await step(house, seconds);
  await find(page, house, booking);
}

async function find(page, house, booking) {
  await page.goto(`${house.shop}/lookup`);
  await page.locator('#number').fill(booking.number);
  await page.locator('#email').fill(booking.person.email);
  await page.locator('form[action="/lookup"] button').click();
  await page.waitForURL(`${house.shop}/bookings/${booking.id}`);
}

async function ask(page) {
  await page.locator('#b-cancel ~ p a.button').click();
  await page.waitForURL(/\/cancel$/);
}

const yen = (text) => Number(text.replace(/[^\d]/g, '') || 0); // "無料" is 0
async function sums(page) {
  const [price, fee, refund] = (await page.locator('.panel-go dd').allInnerTexts()).map(yen);
  assert.equal(price - fee, refund, 'price less fee is the refund');
  return { price, fee, refund };
}

async function confirm(page, house, booking) {
  await page.locator('.panel-go form button').click();
  await page.waitForURL(`${house.shop}/bookings/${booking.id}`);
}

const origins = (house) => [house.shop, house.psp, house.mail];

file.scene('free, then a third at 30 percent, then the rest: each explained before the click, each sum the same everywhere', async ({ house, visitor }) => {
  const faults = [];
  const page = await visitor({ lang: 'ja', device: 'phone', scripts: true });
  const booking = await paid(page, house, { adults: 2, children: 1 });
  const day = await departureDay(page);
  const before = (await house.providerCounts()).refunded;
  await ask(page);
  if (day - today() > 21) {
    assert.equal((await sums(page)).fee, 0, 'earlier than the twentieth day');
    assert.match(await page.locator('.reasons').first().innerText(), /定めはありません[\s\S]*かかりません/);
    await look(page, 'cancel-free', origins(house), faults);
  }
  await daysBefore(page, house, booking, day, 7);
  await ask(page);
  const all = await sums(page);
  const text = await page.locator('main').innerText();
  for (const part of ['民法第97条第1項', 'さかのぼり、7日目', '第16条第1項・別表第一の一「国内旅行に係る取消料」（一）ロ', '7日目から2日目までの取消料は、旅行代金の30%', booking.person.name]) {
    assert.ok(text.includes(part), part);
  }
  await page.locator('#p1').uncheck();
  await page.locator('#p3').uncheck();
  await page.locator('form[method=get] button').click();
  await page.waitForURL(/\/cancel\?/);
  const one = await sums(page);
  assert.equal(one.fee, Math.floor(one.price * 0.3), 'thirty percent of one grown-up');
  assert.ok(one.price < all.price);
  await look(page, 'cancel-part', origins(house), faults);
  await confirm(page, house, booking);
  assert.equal(await way.stateOf(page, house, booking), 'confirmed', 'the others travel');
  assert.equal(await page.locator('#b-cancel ~ .events li').count(), 1);
  await look(page, 'booking-part-cancelled', origins(house), faults);
  const record = await house.recordOf('BOOKING_CANCELLED', (r) => facts(r).fee === String(one.fee));
  assert.equal(facts(record).refund, String(one.refund));
  assert.equal(facts(record).rule, 'D1.ro');
  const receipt = await paperOf(page, house, 'receipt');
  assert.ok(receipt.includes('ご返金') && receipt.includes(`${one.fee.toLocaleString('en')}円`) && receipt.includes(`${one.refund.toLocaleString('en')}円`), receipt);
  await waitFor('a part refunded at the provider', async () => (await house.providerCounts()).refunded === before + 1);
  await ask(page);
  assert.equal(await page.locator('#p2').count(), 0, 'who is cancelled cannot be chosen');
  const rest = await sums(page);
  assert.equal(rest.fee + one.fee, all.fee);
  await confirm(page, house, booking);
  assert.equal(await way.stateOf(page, house, booking), 'cancelled_paid');
  await look(page, 'booking-cancelled-paid', origins(house), faults);
  await waitFor('the rest refunded at the provider', async () => (await house.providerCounts()).refunded === before + 2);
  const mails = await house.mailFor(booking.person.email, 3);
  const told = mails.filter((m) => m.text.includes('取消料の計算')).map((m) => m.text).join();
  assert.ok(told.includes(one.refund.toLocaleString('en')) && told.includes(rest.refund.toLocaleString('en')), 'both letters tell the refund');
  assert.ok(told.includes('別表第一'), 'and how it was worked out');
  await page.goto(`${house.shop}/bookings/${booking.id}/cancel`);
  await page.waitForURL(`${house.shop}/bookings/${booking.id}`);
  assert.deepEqual(faults, []);
});

file.scene('the fee rises between looking and clicking: nothing is cancelled, the new fee is shown (en, desktop)', async ({ house, visitor }) => {
  const faults = [];
  const page = await visitor({ lang: 'en', device: 'desktop', scripts: true });
  const booking = await paid(page, house, { adults: 1, children: 1 });
  const day = await departureDay(page);
  await daysBefore(page, house, booking, day, 2, 23 * 60 + 40);
  await ask(page);
  const seen = await sums(page);
  assert.match(await page.locator('main').innerText(), /this is day 2[\s\S]*row ロ[\s\S]*30% of the price/);
  await look(page, 'cancel', origins(house), faults);
  await step(house, 1800); // past midnight
  await page.locator('.panel-go form button').click();
  await page.locator('[role=alert]').waitFor();
  const now = await sums(page);
  assert.ok(now.fee > seen.fee, 'forty percent on the eve');
  await look(page, 'cancel-risen', origins(house), faults);
  assert.equal(await way.stateOf(page, house, booking), 'confirmed');
  await ask(page);
  await page.locator('#p1').uncheck();
  await page.locator('#p2').uncheck();
  await page.locator('form[method=get] button').click();
  await page.waitForURL(/\/cancel\?/);
  assert.equal(await page.locator('.panel-go').count(), 0, 'nobody chosen: nothing to confirm');
  await page.locator('#p1').check();
  await page.locator('#p2').check();
  await page.locator('form[method=get] button').click();
  await page.locator('.panel-go').waitFor();
  await confirm(page, house, booking);
  assert.equal(await way.stateOf(page, house, booking), 'cancelled_paid');
  assert.deepEqual(faults, []);
});

await file.play();
