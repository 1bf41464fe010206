// The way of a booking, scripts off: search, departure, hold, travellers, consent, the provider's page, paid,
// confirmed, mail - as guest and with an account, in Japanese and in English, on phone and desktop.
import assert from 'node:assert/strict';
import * as way from './lib/booking.mjs';
import { waitFor } from './lib/house.mjs';
import { scenes } from './lib/scene.mjs';
import { STORY, chainHolds, inOrder, namesNobody } from './lib/story.mjs';

const file = scenes('booking');
const PASSWORD = 'Kaede-no-michi 41';

async function paid(page, house, booking) {
  await way.act(page, 'success');
  await way.backAtShop(page, house);
  // The return page asks again by itself (Refresh header, no script) until the notification has done its work.
  await page.locator('.calm-good').waitFor();
  assert.equal((await page.locator('.return-number .booking-number').innerText()).trim(), booking.number);
  await way.stateBecomes(page, house, booking, 'confirmed');
}

async function confirmedMail(house, booking, subject) {
  const mails = await house.mailFor(booking.person.email);
  assert.equal(mails.length, 1, 'one mail');
  assert.match(mails[0].subject, subject);
  assert.ok(mails[0].text.includes(booking.number), 'the mail names the booking');
  assert.ok(mails[0].text.includes(booking.person.name), 'the mail greets the customer');
  assert.ok(mails[0].text.includes(`${house.shop}/`), 'the mail leads to this shop');
  assert.doesNotMatch(mails[0].text, /(\r?\n){3}|\{\w+\}/, 'no holes in the text');
}

for (const [lang, device, wanted] of [['ja', 'phone', /ご予約|予約/], ['en', 'desktop', /book/i]]) {
  file.scene(`a guest books, ${lang}, ${device}`, async ({ house, visitor }) => {
    const page = await visitor({ lang, device });
    const booking = await way.toProvider(page, house, { adults: 2, children: 1 });
    assert.equal(await page.locator('html').getAttribute('lang'), lang, 'the provider\'s page in the customer\'s language');
    assert.match(await page.locator('dd.sum').innerText(), /[\d,]+/);
    await paid(page, house, booking);
    await confirmedMail(house, booking, wanted);
    // The booking page shows the people and the payment to its owner.
    const people = await page.locator('table.people').innerText();
    assert.ok(people.includes(booking.person.name));
    const whole = await page.locator('main').innerText();
    assert.ok(whole.includes(booking.person.address) && whole.includes(booking.person.postal), 'the address as it was typed');
    assert.equal(await page.locator('table.people tbody tr').count(), 3);
    assert.equal(await page.locator('.events li').count(), 2, 'begun and paid');
    assert.equal(await page.locator('.steps').count(), 1, 'fresh: the last step is shown');
    assert.equal((await house.records()).filter((r) => r.type === 'ALARM').length, 0, 'no alarm');
  });
}

file.scene('the record tells the whole booking, in order, from browser to mail', async ({ house, visitor }) => {
  const page = await visitor({ lang: 'ja' });
  const booking = await way.toProvider(page, house, { adults: 1 });
  await paid(page, house, booking);
  await house.mailFor(booking.person.email);
  // The guard hands its records over a moment after the answer: the story is whole when it does not grow any more.
  let before = -1;
  const records = await waitFor('the whole story', async () => {
    const got = await house.trace('booking', booking.id);
    const grew = got.length !== before;
    before = got.length;
    return !grew && got.some((r) => r.type === 'MAIL_SENT') && got.filter((r) => r.type === 'HTTP_REQUEST').length >= 5 ? got : null;
  }, { every: 500 });
  inOrder(records, STORY);
  chainHolds(records, booking.id);
  namesNobody(records, booking.person);
  assert.deepEqual(await house.trace('booking', booking.number), records, 'found by its number as well');
  // One request of the chain, by its own id.
  const consent = records.find((r) => r.type === 'CONSENT');
  const request = await house.trace('request', consent.request);
  assert.ok(['HTTP_REQUEST', 'CONSENT', 'PAY_ATTEMPT', 'PAY_REDIRECTED'].every((type) => request.some((r) => r.type === type)));
});

file.scene('a guest finds the booking again by number and e-mail; a wrong pair tells nothing', async ({ house, visitor }) => {
  const page = await visitor({ lang: 'ja' });
  const booking = await way.toProvider(page, house);
  await paid(page, house, booking);
  const other = await visitor({ lang: 'ja', device: 'phone' });
  await other.goto(`${house.shop}/bookings/${booking.id}`);
  assert.match(other.url(), /\/lookup$/, 'a stranger is asked who they are');
  assert.ok(!(await other.content()).includes(booking.person.name));
  const ask = async (number, email) => {
    await other.goto(`${house.shop}/lookup`);
    await other.locator('#number').fill(number);
    await other.locator('#email').fill(email);
    await other.locator('form[action="/lookup"] button').click();
    await other.waitForLoadState();
    return other.locator('.errors').count() ? (await other.locator('.errors').allInnerTexts()).join() : '';
  };
  const wrongMail = await ask(booking.number, 'somebody.else@example.com');
  const wrongNumber = await ask('SKS-QQQQ-QQQQ', booking.person.email);
  assert.ok(wrongMail.length > 0);
  assert.equal(wrongMail, wrongNumber, 'the same answer for unknown and for wrong');
  await ask(booking.number.toLowerCase().replaceAll('-', ' '), ` ${booking.person.email.toUpperCase()} `);
  await other.waitForURL(`${house.shop}/bookings/${booking.id}`);
  assert.ok((await other.locator('table.people').innerText()).includes(booking.person.name));
});

file.scene('an account: register, book, my bookings, log out, log in', async ({ house, visitor }) => {
  const page = await visitor({ lang: 'en', device: 'phone' });
  const person = way.personNew('en');
  await page.goto(`${house.shop}/register`);
  for (const key of ['name', 'kana', 'email', 'phone']) await page.locator(`#${key}`).fill(person[key]);
  await page.locator('#password').fill(PASSWORD);
  await page.locator('form[action="/register"] button').click();
  await page.waitForURL(`${house.shop}/my`);
  const booking = await way.toProvider(page, house, { person });
  await paid(page, house, booking);
  const row = page.locator('.mine-row', { hasText: booking.number });
  await page.goto(`${house.shop}/my`);
  assert.equal(await row.locator('.state-confirmed').count(), 1, 'my bookings shows it as confirmed');
  await page.locator('form[action="/logout"] button').click();
  await page.goto(`${house.shop}/my`);
  assert.match(page.url(), /\/login\?next=/);
  await page.locator('#email').fill(person.email);
  await page.locator('#password').fill('not the password');
  await page.locator('form[action="/login"] button').click();
  await page.locator('.errors').waitFor();
  assert.equal(await page.locator('#password').inputValue(), '', 'a password never comes back');
  await page.locator('#password').fill(PASSWORD);
  await page.locator('form[action="/login"] button').click();
  await page.waitForURL(`${house.shop}/my`);
  await row.locator('.mine-title a').click();
  assert.ok((await page.locator('table.people').innerText()).includes(person.name));
  const types = (await house.records()).map((r) => r.type);
  for (const type of ['ACCOUNT_CREATED', 'LOGIN_OK', 'LOGIN_FAILED', 'LOGOUT']) assert.ok(types.includes(type), type);
});

file.scene('what is typed stays typed, and the error stands beside its field', async ({ house, visitor }) => {
  const page = await visitor({ lang: 'ja', device: 'phone' });
  await way.homeOpen(page, house);
  await way.search(page, { place: 'kanto' });
  await way.tourOpen(page, 'nikko-autumn');
  await way.departureOpen(page);
  const booking = await way.hold(page, { adults: 1, children: 1 });
  const person = { ...way.personNew('ja'), email: 'not an address', birth: [1988, 2, 30] };
  await way.travellersFill(page, booking, person);
  await way.travellersSend(page);
  await page.locator('.errors').waitFor();
  assert.equal(await page.locator('#email').getAttribute('aria-invalid'), 'true');
  assert.ok(await page.locator('#email-error').isVisible());
  assert.ok(await page.locator('#t1_birth-error').isVisible());
  assert.equal(await page.locator('#name').inputValue(), person.name);
  assert.equal(await page.locator('#t1_day').inputValue(), '30');
  await page.locator('#email').fill('scene.typed@example.com');
  await page.locator('#t1_day').fill('28');
  await way.travellersSend(page);
  await page.waitForURL(/\/confirm$/);
  // No consent, no payment.
  await page.locator('form[action$="/confirm"] button.button-main').click();
  await page.waitForLoadState();
  assert.match(page.url(), /\/confirm$/, 'the browser asks for the box first');
  // Giving the seats back.
  await page.locator('form[action$="/cancel"] button').click();
  await page.waitForURL(`${house.shop}/bookings/${booking.id}`);
  assert.equal(await way.stateOf(page, house, booking), 'cancelled');
});

file.scene('search by place, city, price and words', async ({ house, visitor }) => {
  const page = await visitor({ lang: 'ja' });
  await way.homeOpen(page, house);
  const everywhere = await way.search(page, {});
  const north = await way.search(page, { place: 'hokkaido', city: 'sapporo' });
  assert.ok(everywhere > 0 && north > 0);
  for (const meta of await page.locator('.card-meta').allInnerTexts()) assert.match(meta, /北海道/);
  await page.goto(`${house.shop}/tours?max=10000`);
  for (const price of await page.locator('.card .price').allInnerTexts()) {
    assert.ok(Number(price.replace(/[^\d]/g, '')) <= 10000, price);
  }
  await page.goto(`${house.shop}/tours?q=${encodeURIComponent('ラベンダー')}`);
  assert.ok(await page.locator('.card-title a[href^="/tours/furano-lavender"]').count(), 'found by a word of its text');
  await page.goto(`${house.shop}/tours?q=${encodeURIComponent("' OR 1=1 --")}`);
  assert.equal(await page.locator('.card').count(), 0, 'a quote is a quote');
});

await file.play();
