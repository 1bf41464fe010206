// The lever `payments`: one hand stops, two people resume; a customer who stands on the provider's page is told calmly
// and pays nothing; what is paid stays paid.
import assert from 'node:assert/strict';
import path from 'node:path';
import * as way from './lib/booking.mjs';
import { facts, waitFor } from './lib/house.mjs';
import { OUT, scenes } from './lib/scene.mjs';

const file = scenes('brake');
const CISO = (house) => path.join(house.var, 'offline/brake-ciso.key');
const DIRECTOR = (house) => path.join(house.var, 'offline/brake-director.key');

const stop = (house, reason) => house.must('brake', 'payments', 'stop', '--reason', reason);
const resume = (house, ...keys) =>
  house.run('brake', 'payments', 'resume', '--reason', 'all clear', ...keys.flatMap((key) => ['--key', key]));

file.scene('stopped while a customer stands on the provider\'s page', async ({ house, visitor }) => {
  const page = await visitor({ lang: 'ja', device: 'phone' });
  const booking = await way.toProvider(page, house);
  const before = await house.providerCounts();
  await stop(house, 'drill');
  await waitFor('the session to be cancelled at the provider', async () => (await house.providerCounts()).cancelled > before.cancelled);
  await page.reload();
  assert.equal(await page.locator('button[name=scenario]').count(), 0, 'nothing can be paid there any more');
  await page.locator('main a').click();
  await way.backAtShop(page, house);
  assert.equal((await house.providerCounts()).captured, before.captured, 'no money moved');
  assert.notEqual(await way.stateOf(page, house, booking), 'confirmed');
  assert.equal(await page.locator('.strip-stopped').count(), 1, 'every page says so');
  await page.screenshot({ path: path.join(OUT, 'stopped-booking-phone-ja.png'), fullPage: true });
  await page.goto(`${house.shop}/bookings/${booking.id}/pay`);
  assert.equal(await page.locator('.calm-page').count(), 1, 'a calm page instead of the pay page');
  assert.equal(await page.locator('form[action$="/pay"]').count(), 0);
  assert.equal(page.answers.findLast((a) => a.url().endsWith('/pay')).status(), 503);
});

file.scene('a new customer is told before the hold and at the confirmation; nothing goes to the provider', async ({ house, visitor }) => {
  const page = await visitor({ lang: 'en' });
  const created = (await house.providerCounts()).created;
  const booking = await way.toConfirm(page, house);
  assert.equal(await page.locator('.panel-go').count(), 1, 'the page is shown, and says that payments rest');
  assert.ok(await page.locator('.strip-stopped').count());
  await way.consent(page);
  await page.locator('.calm-page').waitFor();
  assert.ok(page.url().startsWith(house.shop), 'still at the shop');
  assert.equal((await house.providerCounts()).created, created);
  assert.equal(await way.stateOf(page, house, booking), 'ready', 'nothing was lost');
  const health = await house.health();
  assert.equal(health.status, 503);
  assert.equal(health.payments, false);
  assert.equal(health.personal_data_shown, true, 'only payments rest');
});

file.scene('one key, twice the same key, a machine\'s key, no key: refused', async ({ house }) => {
  for (const keys of [[], [CISO(house)], [CISO(house), CISO(house)], [CISO(house), path.join(house.var, 'secrets/command/brake-machine.key')]]) {
    const got = await resume(house, ...keys);
    assert.notEqual(got.code, 0, `refused with ${keys.length} key(s)`);
    assert.equal((await house.health()).payments, false, 'still stopped');
  }
  const refused = (await house.records()).filter((r) => r.type === 'BRAKE_ORDER' && facts(r).step === 'refused');
  assert.ok(refused.length >= 1, 'a refused try is on the record');
});

file.scene('two people resume; the customer who waited pays', async ({ house, visitor }) => {
  const page = await visitor({ lang: 'ja' });
  const booking = await way.toConfirm(page, house);
  await way.consent(page);
  await page.locator('.calm-page').waitFor();
  const got = await resume(house, CISO(house), DIRECTOR(house));
  assert.equal(got.code, 0, got.stderr);
  await waitFor('payments to work', async () => (await house.health()).payments);
  await page.goto(`${house.shop}/bookings/${booking.id}`);
  await page.locator('.state a.button-main').click();
  await page.waitForURL(/\/confirm$/);
  await way.consent(page);
  await way.atProvider(page, house);
  await way.act(page, 'success');
  await way.backAtShop(page, house);
  await way.stateBecomes(page, house, booking, 'confirmed');
});

file.scene('paid just before the stop: it goes on and is confirmed', async ({ house, visitor }) => {
  const page = await visitor({ lang: 'ja' });
  const booking = await way.toProvider(page, house);
  await house.provider({ delay_s: 3600 }); // the notification comes long after the stop
  await way.act(page, 'delayed');
  await way.backAtShop(page, house);
  await stop(house, 'right after a payment');
  await way.stateBecomes(page, house, booking, 'confirmed');
  await house.mailFor(booking.person.email);
  assert.equal((await resume(house, DIRECTOR(house), CISO(house))).code, 0);
});

file.scene('every order is on the record', async ({ house }) => {
  const records = await house.records();
  const orders = records.filter((r) => r.type === 'BRAKE_ORDER').map(facts);
  for (const order of ['stop', 'resume']) assert.ok(orders.some((o) => o.order === order && o.lever === 'payments'), order);
  assert.ok(orders.some((o) => o.reason === 'drill'), 'with the reason given');
  assert.ok(records.some((r) => r.type === 'BRAKE_SEEN'), 'and that a room obeys');
});

await file.play();
