// Rooms beside seats, scripts off: a bed for each traveller, extras a room, lines that add up, all pools taken or none.
import assert from 'node:assert/strict';
import * as way from './lib/booking.mjs';
import { look } from './lib/look.mjs';
import { scenes } from './lib/scene.mjs';

const file = scenes('rooms');
const TOUR = 'kusatsu-onsen';
const yen = (text) => Number(text.replace(/[^\d]/g, ''));

async function roomsOpen(page, house) {
  await way.homeOpen(page, house);
  await way.search(page, { place: 'kanto', city: 'tokyo' });
  if (!(await page.locator(`.card-title a[href^="/tours/${TOUR}"]`).count())) await page.goto(`${house.shop}/tours/${TOUR}`);
  else await way.tourOpen(page, TOUR);
  return way.departureOpen(page);
}

async function roomsChoose(page, wanted) {
  for (const [field, n] of Object.entries(wanted)) await page.locator(`#${field}`).selectOption(String(n));
}

async function holdSend(page, adults) {
  await page.locator('#adults').selectOption(String(adults));
  await page.locator('form[action$="/hold"] button[type=submit]').click();
}

for (const [lang, device] of [['ja', 'phone'], ['en', 'desktop']]) {
  file.scene(`a guest chooses rooms, ${lang}, ${device}`, async ({ house, visitor }) => {
    const page = await visitor({ lang, device });
    const faults = [];
    const lookAt = (name) => look(page, name, [house.shop, house.psp], faults);
    await roomsOpen(page, house);
    await lookAt(`rooms-departure-${lang}-${device}`);
    // Three people and beds for two: said beside the rooms, nothing taken, and what was chosen stays chosen.
    await roomsChoose(page, { r2_2: 1 });
    await holdSend(page, 3);
    await page.locator('.errors a[href="#rooms"]').waitFor();
    assert.match(await page.locator('.errors').innerText(), /2[^]*3/);
    assert.equal(await page.locator('#r2_2').inputValue(), '1');
    assert.equal(await page.locator('#adults').inputValue(), '3');
    await lookAt(`rooms-wrong-${lang}-${device}`);
    await roomsChoose(page, { r2_1: 1 });
    const booking = await way.hold(page, { adults: 3 });
    const person = way.personNew(lang);
    await way.travellers(page, booking, person);
    const amounts = await page.locator('table.prices tbody td:last-child').allInnerTexts();
    assert.equal(amounts.length, 3, 'adults, a twin alone, a twin for two');
    const sum = amounts.map(yen).reduce((a, b) => a + b, 0);
    assert.equal(yen(await page.locator('table.prices tfoot td').innerText()), sum, 'the lines add up');
    assert.equal(sum, 3 * 34800 + 6600);
    await lookAt(`rooms-confirm-${lang}-${device}`);
    await way.consent(page);
    await way.atProvider(page, house);
    assert.equal(yen(await page.locator('dd.sum').innerText()), sum, 'the provider asks for as much');
    await way.act(page, 'success');
    await way.backAtShop(page, house);
    await page.locator('.calm-good').waitFor();
    await way.stateBecomes(page, house, { ...booking, person }, 'confirmed');
    assert.equal(await page.locator('table.prices tbody tr').count(), 3, 'the booking page says which rooms');
    await lookAt(`rooms-booking-${lang}-${device}`);
    assert.deepEqual(faults, []);
  });
}

file.scene('the last rooms go once: the second asks in vain, and no seat stays taken for it', async ({ house, visitor }) => {
  const first = await visitor({ lang: 'ja' }), second = await visitor({ lang: 'ja' });
  const departure = await roomsOpen(first, house);
  await roomsOpen(second, house);
  assert.equal(second.url(), first.url(), departure.href);
  const left = await second.locator('#r3_2 option').count() - 1;
  assert.ok(left >= 1, 'suites are left');
  await roomsChoose(first, { r3_2: left });
  await way.hold(first, { adults: 2 * left });
  await roomsChoose(second, { r3_2: 1 });
  await holdSend(second, 2);
  await second.locator('.errors a[href="#rooms"]').waitFor();
  assert.ok(await second.locator('#r3_2').isDisabled(), 'none is left to choose');
  await lookAt(second, 'rooms-gone-ja-phone');
  await roomsChoose(second, { r1_2: 1 });
  await way.hold(second, { adults: 2 });
});

await file.play();
