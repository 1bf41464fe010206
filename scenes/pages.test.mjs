// Every page a customer can meet, Japanese and English, phone and desktop: no script, nothing from elsewhere, light,
// clear to everyone. Pictures of all of them lie in scenes/out/ afterwards.
import assert from 'node:assert/strict';
import * as way from './lib/booking.mjs';
import { request, waitFor } from './lib/house.mjs';
import { answersClean, look, noScript, pageAnswers } from './lib/look.mjs';
import { scenes } from './lib/scene.mjs';

const file = scenes('pages');
const CARD = '4111 1111 1111 1111';
const INFORM = ['terms', 'privacy', 'conditions', 'company', 'offices', 'notices', 'health', 'login', 'register', 'lookup'];

file.scene('from the departure to the hand-off: zero bytes of script, no third party', async ({ house, visitor }) => {
  for (const lang of ['ja', 'en']) {
    const page = await visitor({ lang, device: 'phone' });
    await way.homeOpen(page, house);
    await way.search(page, { place: 'kanto', city: 'tokyo' });
    await way.tourOpen(page, 'nikko-autumn');
    pageAnswers(page);
    await way.departureOpen(page);
    await noScript(page);
    const booking = await way.hold(page, { adults: 1, children: 1 });
    await noScript(page);
    await way.travellers(page, booking, way.personNew(lang));
    await noScript(page);
    const policy = page.answers.findLast((a) => a.url().endsWith('/confirm')).headers()['content-security-policy'];
    assert.match(policy, new RegExp(`form-action 'self' ${house.psp}`), 'only this page may lead to the provider');
    answersClean(pageAnswers(page), [house.shop]);
    await way.consent(page);
    await way.atProvider(page, house);
    const answers = pageAnswers(page);
    answersClean(answers, [house.shop, house.psp]);
    const handoff = answers.find((a) => a.url().endsWith('/confirm') && a.request().method() === 'POST');
    assert.equal(handoff.status(), 303);
    const cookies = await page.context().cookies(house.shop);
    for (const cookie of cookies.filter((c) => c.name.endsWith('sks'))) {
      assert.equal(cookie.httpOnly, true);
      assert.equal(cookie.sameSite, 'Lax');
    }
    assert.deepEqual(page.faults.filter((fault) => fault.includes('Refused') || fault.includes('violates')), []);
  }
});

// The pages in an order in which one visitor meets them.
async function tourOfPages(page, house, faults) {
  const origins = [house.shop, house.psp, house.mail];
  const see = (name) => look(page, name, origins, faults);
  const at = (path) => page.goto(`${house.shop}${path}`);
  await way.homeOpen(page, house);
  await see('home');
  await way.search(page, { place: 'kanto' });
  await see('tours');
  await at(`/tours?q=${encodeURIComponent('月旅行')}`);
  await see('tours-none');
  await at('/tours/kyoto-quiet-morning');
  await see('tour');
  const closed = await page.locator('li.dep:not(:has(a.button)) a').first().getAttribute('href');
  await at(closed);
  await see('departure-full');
  await at('/tours/nikko-autumn');
  await way.departureOpen(page);
  await see('departure');
  const booking = { ...(await way.hold(page, { adults: 2, children: 1 })), person: way.personNew(page.lang) };
  await see('travellers');
  await way.travellersFill(page, booking, { ...booking.person, email: 'nobody', birth: [1988, 13, 1] });
  await way.travellersSend(page);
  await page.locator('.errors').waitFor();
  await see('travellers-wrong');
  await way.travellersFill(page, booking, { ...booking.person, address: CARD });
  await way.travellersSend(page);
  await page.waitForLoadState();
  await see('card-refused');
  await at(`/bookings/${booking.id}`);
  await see('booking-draft');
  await at(`/bookings/${booking.id}/travellers`);
  await way.travellers(page, booking, booking.person);
  await see('confirm');
  await way.consent(page);
  await way.atProvider(page, house);
  await see('provider');
  await way.act(page, 'decline');
  await way.backAtShop(page, house);
  await page.locator('.calm-warn').waitFor();
  await see('return-declined');
  await at(`/bookings/${booking.id}/pay`);
  await see('pay');
  await page.locator('form[action$="/pay"] button').click();
  await way.atProvider(page, house);
  await way.act(page, 'challenge');
  await see('provider-challenge');
  await way.act(page, 'success');
  await way.backAtShop(page, house);
  await page.locator('.calm-good').waitFor();
  await see('return-confirmed');
  await way.stateBecomes(page, house, booking, 'confirmed');
  await see('booking-confirmed');
  for (const name of INFORM) {
    await at(`/${name}`);
    await see(name);
  }
  await at('/notices');
  await page.locator('.notice-title a').first().click();
  await page.waitForURL(/\/notices\/./);
  await see('notice');
  await at('/lookup');
  await page.locator('#number').fill('SKS-QQQQ-QQQQ');
  await page.locator('#email').fill('nobody@example.com');
  await page.locator('form[action="/lookup"] button').click();
  await page.locator('.errors').waitFor();
  await see('lookup-wrong');
  await at('/no/such/page');
  await see('not-found');
  const stopped = await at(`/tours?q=${encodeURIComponent("1' UNION SELECT name, pass FROM users--")}`);
  assert.equal(stopped.status(), 403, 'the guard knows SQL');
  const words = page.lang === 'ja' ? '安全のため、この操作は受け付けできませんでした' : 'To be safe, we did not take this';
  assert.ok((await page.locator('h1').textContent()).includes(words), 'in the visitor\'s language');
  assert.match(await page.locator('.id').textContent(), /[b-z]{32}/, 'with the number to ask by');
  assert.doesNotMatch(await page.content(), /UNION|9990100|CRS|ModSecurity|nginx/, 'and not a word of what was found');
  await see('blocked');
  await house.mailFor(booking.person.email);
  await page.goto(`${house.mail}/`);
  await see('mails');
  await page.locator('main a[href^="/mails/"]').first().click();
  await page.waitForURL(/\/mails\/\d/);
  await see('mail');
  await account(page, house, see);
}

async function account(page, house, see) {
  const person = way.personNew(page.lang);
  await page.goto(`${house.shop}/register`);
  for (const key of ['name', 'kana', 'email', 'phone']) await page.locator(`#${key}`).fill(person[key]);
  await page.locator('#password').fill('short');
  await page.evaluate(() => document.querySelector('form[action="/register"]').setAttribute('novalidate', ''));
  await page.locator('form[action="/register"] button').click();
  await page.locator('.errors').waitFor();
  await see('register-wrong');
  await page.locator('#password').fill('Momiji to 7 yama');
  await page.locator('form[action="/register"] button').click();
  await page.waitForURL(`${house.shop}/my`);
  await see('my-none');
  const booking = await way.toConfirm(page, house, { person });
  await page.goto(`${house.shop}/my`);
  await see('my');
  await page.goto(`${house.shop}/bookings/${booking.id}`);
  await page.locator('form[action$="/cancel"] button').click();
  await page.waitForURL(`${house.shop}/bookings/${booking.id}`);
  await see('booking-cancelled');
}

for (const device of ['phone', 'desktop']) {
  for (const lang of ['ja', 'en']) {
    file.scene(`every page, ${device}, ${lang}`, async ({ house, visitor }) => {
      const page = await visitor({ lang, device, scripts: true });
      const faults = [];
      await tourOfPages(page, house, faults);
      assert.equal(faults.length, 0, `\n${faults.join('\n')}`);
    });
  }
}

file.scene('payments stopped: the page that says so', async ({ house, visitor }) => {
  await house.must('brake', 'payments', 'stop', '--reason', 'pictures');
  const faults = [];
  for (const [device, lang] of [['phone', 'ja'], ['desktop', 'en']]) {
    const page = await visitor({ lang, device, scripts: true });
    await way.toConfirm(page, house);
    await look(page, 'stopped-confirm', [house.shop], faults);
    await way.consent(page);
    await page.locator('.calm-page').waitFor();
    await look(page, 'stopped', [house.shop], faults);
    await page.goto(`${house.shop}/health`);
    await look(page, 'stopped-health', [house.shop], faults);
  }
  assert.equal(faults.length, 0, `\n${faults.join('\n')}`);
});

file.scene('other doors: unknown hosts, methods, paths are answered plainly', async ({ house }) => {
  const form = { 'Content-Type': 'application/x-www-form-urlencoded' };
  assert.equal((await house.get('/../../etc/passwd')).status, 400);
  assert.ok([400, 403].includes((await house.get('/static/../shop.c')).status), 'CRS knows a traversal, without it the shop does');
  assert.equal((await house.get('/bookings/bcpdbchktbdckktkprghqvfjcskbmbgf')).status, 303, 'an unknown booking looks like anybody\'s');
  assert.equal((await house.post('/departures/bcpdbchktbdckktkprghqvfjcskbmbgf/hold', 'adults=1', form)).status, 403, 'no token, no hold');
  assert.equal((await house.post('/tours', '')).status, 405, 'an empty body ends, and is answered');
  assert.equal((await house.post('/lookup', '', form)).status, 403);
  assert.equal((await request(house.port, 'desk.localhost', { target: '/desk' })).status, 421, 'not a host of this house');
  const inbound = await house.get('/no/such/page', { 'X-Sekisho-Id': 'bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb' });
  assert.ok(!inbound.body.toString().includes('bbbbbbbbbbbbbbbb'), 'an inbound id is dropped');
  await waitFor('the house to stay well', async () => (await house.health()).rooms.filter((r) => !r.ok).length <= 1);
});

await file.play();
