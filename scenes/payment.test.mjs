// What can happen at the provider: each scenario of the stand-in, and what becomes of the booking. Never paid without
// a seat, never confirmed without a payment that the provider itself stands by.
import assert from 'node:assert/strict';
import * as way from './lib/booking.mjs';
import { facts, waitFor } from './lib/house.mjs';
import { scenes } from './lib/scene.mjs';

const file = scenes('payment');
const HOLD_S = 45 * 60;
const CONFIRMED = /ご予約確定|Booking confirmed/;

const attemptOf = async (house, booking) =>
  (await house.records()).filter((r) => r.type === 'PAY_ATTEMPT' && r.parent === booking.id).at(-1).object;

async function confirmedOnce(page, house, booking) {
  await way.stateBecomes(page, house, booking, 'confirmed');
  const mails = await waitFor('the confirmation mail', async () => {
    const got = (await house.mails(booking.person.email)).filter((mail) => CONFIRMED.test(mail.subject));
    return got.length ? got : null;
  });
  assert.equal(mails.length, 1, 'one confirmation mail');
  const records = await house.records();
  assert.equal(records.filter((r) => r.type === 'BOOKING_CONFIRMED' && r.object === booking.id).length, 1, 'one confirmation');
}

file.scene('declined, then paid', async ({ house, visitor }) => {
  const page = await visitor({ lang: 'ja', device: 'phone' });
  const booking = await way.toProvider(page, house);
  await way.act(page, 'decline');
  await way.backAtShop(page, house);
  await page.locator('.calm-warn').waitFor();
  assert.equal(await way.stateOf(page, house, booking), 'awaiting', 'the seats are still held');
  await page.locator('.state a.button-main').click();
  await page.waitForURL(/\/pay$/);
  assert.equal(await page.locator('.calm-warn').count(), 1, 'says what became of the last try');
  await page.locator('form[action$="/pay"] button').click();
  await way.atProvider(page, house);
  await way.act(page, 'success');
  await way.backAtShop(page, house);
  await confirmedOnce(page, house, booking);
  const what = await page.locator('.events li').allInnerTexts();
  assert.equal(what.length, 4, 'begun, declined, begun, paid');
});

file.scene('abandoned at the provider, then paid', async ({ house, visitor }) => {
  const page = await visitor({ lang: 'en' });
  const booking = await way.toProvider(page, house);
  await way.act(page, 'abandon');
  await way.backAtShop(page, house);
  // Nothing is notified of a cancelled page: the shop learns it by asking.
  await waitFor('the try to end', async () => {
    await house.step(20);
    await page.reload();
    return page.locator('.buttons a.button-main').count();
  }, { every: 500 });
  assert.equal((await house.mails(booking.person.email)).length, 0, 'no letter for going back');
  await page.locator('.buttons a.button-main').click();
  await page.waitForURL(/\/pay$/);
  await page.locator('form[action$="/pay"] button').click();
  await way.atProvider(page, house);
  await way.act(page, 'success');
  await confirmedOnce(page, house, booking);
});

file.scene('left at the provider, the session ends, the seats come back', async ({ house, visitor }) => {
  const page = await visitor({ lang: 'ja' });
  const booking = await way.toProvider(page, house, { adults: 2 });
  await way.act(page, 'leave');
  assert.ok(page.url().startsWith(house.psp), 'the page stays');
  await house.step(HOLD_S + 120);
  await way.stateBecomes(page, house, booking, 'expired');
  await house.recordOf('HOLD_ENDED', (r) => r.parent === booking.id || r.object === booking.id);
  const [mail] = await house.mailFor(booking.person.email);
  assert.match(mail.subject, /期限切れ/, 'one letter says that the seats went back');
});

file.scene('3-D Secure: passed', async ({ house, visitor }) => {
  const page = await visitor({ lang: 'ja', device: 'phone' });
  const booking = await way.toProvider(page, house);
  await way.act(page, 'challenge');
  await page.locator('button[value=leave]').waitFor();
  await way.act(page, 'success');
  await way.backAtShop(page, house);
  await confirmedOnce(page, house, booking);
});

file.scene('3-D Secure: failed', async ({ house, visitor }) => {
  const page = await visitor({ lang: 'en', device: 'phone' });
  const booking = await way.toProvider(page, house);
  await way.act(page, 'challenge');
  await page.locator('button[value=leave]').waitFor();
  await way.act(page, 'decline');
  await way.backAtShop(page, house);
  await page.locator('.calm-warn').waitFor();
  assert.equal(await way.stateOf(page, house, booking), 'awaiting');
});

file.scene('a notification six times: one confirmation, one mail', async ({ house, visitor }) => {
  const page = await visitor({ lang: 'ja' });
  const booking = await way.toProvider(page, house);
  const attempt = await attemptOf(house, booking);
  const before = (await house.providerCounts()).hooks_sent;
  await way.act(page, 'duplicate');
  await way.backAtShop(page, house);
  await waitFor('all six to be taken', async () => (await house.providerCounts()).hooks_sent >= before + 6);
  await confirmedOnce(page, house, booking);
  const records = await house.records();
  assert.ok(records.filter((r) => r.type === 'PAY_NOTICE' && r.object === attempt).length >= 2, 'both events are on record');
  assert.equal(records.filter((r) => r.type === 'PAY_STATE' && r.object === attempt && /CAPTURED/.test(r.facts)).length, 1, 'captured once');
});

file.scene('a forged notification is refused and confirms nothing', async ({ house, visitor }) => {
  const page = await visitor({ lang: 'ja' });
  const booking = await way.toProvider(page, house);
  const attempt = await attemptOf(house, booking);
  const failed = (await house.providerCounts()).hooks_failed;
  await way.act(page, 'forged');
  await way.backAtShop(page, house);
  const bad = await house.recordOf('PAY_NOTICE_BAD');
  assert.equal(facts(bad).why, 'signature');
  await waitFor('the sender to be refused', async () => (await house.providerCounts()).hooks_failed > failed);
  assert.equal(await way.stateOf(page, house, booking), 'awaiting');
  assert.equal((await house.records()).filter((r) => r.type === 'PAY_NOTICE' && r.object === attempt).length, 0, 'nothing of it is kept');
  assert.equal((await house.mails(booking.person.email)).length, 0);
});

file.scene('a wrong amount: quarantine and alarm; nothing but a person confirms it', async ({ house, visitor }) => {
  const page = await visitor({ lang: 'ja' });
  const booking = await way.toProvider(page, house);
  const attempt = await attemptOf(house, booking);
  await house.provider({ down: true }); // nothing but the notification can tell
  try {
    await way.act(page, 'wrong_amount');
    await way.backAtShop(page, house);
    const held = await house.recordOf('PAY_QUARANTINE', (r) => r.object === attempt);
    assert.equal(facts(held).why, 'amount');
    await house.recordOf('ALARM', (r) => r.object === attempt);
    assert.equal(await way.stateOf(page, house, booking), 'awaiting', 'not confirmed');
    assert.equal((await house.mails(booking.person.email)).length, 0);
  } finally {
    await house.provider({ down: false });
  }
  await house.step(60); // asked, the provider tells the right sum; that does not settle it: a person does
  await house.step(600);
  assert.equal(await way.stateOf(page, house, booking), 'awaiting', 'still not confirmed');
  assert.equal((await house.mails(booking.person.email)).length, 0);
});

file.scene('the notification is faster than the provider\'s own answer', async ({ house, visitor }) => {
  const page = await visitor({ lang: 'ja' });
  const booking = await way.toConfirm(page, house);
  await house.provider({ next: 'early' });
  await way.consent(page);
  await way.atProvider(page, house);
  assert.equal(await page.locator('button[name=scenario]').count(), 0, 'the provider has nothing more to ask');
  await page.locator('main a').click();
  await way.backAtShop(page, house);
  await confirmedOnce(page, house, booking);
});

file.scene('back without a notification: confirmed by asking', async ({ house, visitor }) => {
  const page = await visitor({ lang: 'en' });
  const booking = await way.toProvider(page, house);
  const attempt = await attemptOf(house, booking);
  await way.act(page, 'no_webhook');
  await way.backAtShop(page, house);
  await house.step(60);
  await confirmedOnce(page, house, booking);
  assert.equal((await house.records()).filter((r) => r.type === 'PAY_NOTICE' && r.object === attempt).length, 0);
});

// A payment that arrives after the hold's end: the money is taken at once, but neither a notification nor an answer
// comes before the seats are given up.
async function paidTooLate(page, house) {
  await house.provider({ down: true, delay_s: HOLD_S + 600 });
  await way.act(page, 'delayed');
  await way.backAtShop(page, house);
  await house.step(HOLD_S + 60);
}

async function lateNewsArrives(house) {
  await house.provider({ down: false, delay_s: 20 });
  await house.step(600);
}

file.scene('paid after the hold\'s end with seats free: taken again, confirmed', async ({ house, visitor }) => {
  const page = await visitor({ lang: 'ja' });
  const booking = await way.toProvider(page, house);
  await paidTooLate(page, house);
  await way.stateBecomes(page, house, booking, 'expired');
  await lateNewsArrives(house);
  await confirmedOnce(page, house, booking);
  const records = await house.records();
  const again = records.find((r) => r.type === 'SEAT_REACQUIRED' && r.object === booking.id);
  const confirmed = records.find((r) => r.type === 'BOOKING_CONFIRMED' && r.object === booking.id);
  assert.ok(again.seq < confirmed.seq, 'the seat first');
});

file.scene('paid after the hold\'s end with no seat: money back, apology, never paid without a seat', async ({ house, visitor }) => {
  const page = await visitor({ lang: 'ja' });
  const few = (d) => d.seats >= 2 && d.seats <= 8;
  const booking = await way.toProvider(page, house, { tour: 'kyoto-quiet-morning', place: 'kansai', fits: few });
  await paidTooLate(page, house);
  await way.stateBecomes(page, house, booking, 'expired');
  // Somebody else takes all that is left of this departure.
  const other = await visitor({ lang: 'ja' });
  await other.goto(`${house.shop}/tours/kyoto-quiet-morning`);
  const departure = await way.departureOpen(other, (d) => d.href === booking.departure.href);
  await way.hold(other, { adults: departure.seats });
  const refunded = (await house.providerCounts()).refunded;
  await lateNewsArrives(house);
  await way.stateBecomes(page, house, booking, 'refunded_late');
  await waitFor('the money to go back', async () => (await house.providerCounts()).refunded === refunded + 1);
  const mails = await house.mailFor(booking.person.email, 2);
  assert.match(mails[0].subject, /期限切れ/, 'first: the seats went back');
  assert.match(mails[1].subject, /お詫びとご返金/);
  assert.match(mails[1].text, /申し訳/, 'it says sorry');
  assert.match(mails[1].text, /全額/);
  assert.ok(mails[1].text.includes(booking.number));
  assert.equal(mails.length, 2);
  const records = await house.records();
  assert.equal(records.filter((r) => r.type === 'BOOKING_CONFIRMED' && r.object === booking.id).length, 0);
  await house.recordOf('PAY_REFUND', (r) => r.parent === booking.id && facts(r).step === 'done');
});

file.scene('the provider is away: a calm page, and the way goes on when it is back', async ({ house, visitor }) => {
  const page = await visitor({ lang: 'ja', device: 'phone' });
  const booking = await way.toConfirm(page, house);
  await house.provider({ down: true });
  try {
    await way.consent(page);
    await page.waitForURL(/\/pay\?down=1$/);
    assert.equal(await page.locator('.calm-warn').count(), 1);
    assert.equal(await page.locator('.error-status').count(), 0);
    await page.locator('form[action$="/pay"] button').click();
    await page.locator('.calm-warn').waitFor();
  } finally {
    await house.provider({ down: false });
  }
  await page.locator('form[action$="/pay"] button').click();
  await way.atProvider(page, house);
  await way.act(page, 'success');
  await way.backAtShop(page, house);
  await confirmedOnce(page, house, booking);
});

file.scene('the provider takes the order and never answers: nothing is lost, nothing is paid twice', async ({ house, visitor }) => {
  const page = await visitor({ lang: 'en' });
  const booking = await way.toConfirm(page, house);
  await house.provider({ hang: true });
  try {
    await way.consent(page);
    await page.waitForURL(/\/pay\?down=1$/);
  } finally {
    await house.provider({ hang: false });
  }
  await waitFor('a page at the provider', async () => {
    await page.goto(`${house.shop}/bookings/${booking.id}/pay`);
    await page.locator('form[action$="/pay"] button').click();
    await page.waitForLoadState();
    return page.url().startsWith(house.psp);
  }, { every: 500 });
  await way.act(page, 'success');
  await way.backAtShop(page, house);
  await confirmedOnce(page, house, booking);
});

file.scene('the record holds after all of this', async ({ house }) => {
  const out = await house.must('ledger', 'verify');
  assert.match(out, /\bok\b/i);
});

await file.play();
