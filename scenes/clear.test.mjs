// Nothing that a traveller typed lies in the clear on the disk, whatever became of the booking; and the search that says so is
// no blind one: with a vault that seals nothing it finds every traveller. Every other file of scenes is searched at its end too.
import assert from 'node:assert/strict';
import { readlink } from 'node:fs/promises';
import path from 'node:path';
import * as way from './lib/booking.mjs';
import { ClearWatch, searchFault } from './lib/clear.mjs';
import { HOUSE_TREE, House, waitFor } from './lib/house.mjs';
import { Skip, scenes } from './lib/scene.mjs';

const file = scenes('clear', { house: null });
const SIGABRT = 6, SIGSEGV = 11;
const CARDS = ['4242 4242 4242 4242', '5105-1051-0510-5100', '３７８２　８２２４６３　１０００５'];
const PASSWORD = 'Hamanasu-no-oka 77';

// A house that is watched, or the scene is skipped.
async function houseStart(options) {
  const house = await House.start(options);
  if (house.watch) return house;
  await house.stop();
  throw new Skip(ClearWatch.why);
}

async function paid(page, house, options) {
  const booking = await way.toProvider(page, house, options);
  await way.act(page, 'success');
  await way.backAtShop(page, house);
  await way.stateBecomes(page, house, booking, 'confirmed');
  await house.mailFor(booking.person.email);
  return booking;
}

async function declined(page, house) {
  const booking = await way.toProvider(page, house, { adults: 2 });
  await way.act(page, 'decline');
  await way.backAtShop(page, house);
  await page.locator('.calm-warn').waitFor();
  return booking;
}

// Card numbers where an address is wanted.
async function cardsRefused(page, house) {
  await way.homeOpen(page, house);
  await way.search(page, { place: 'kanto' });
  await way.tourOpen(page, 'nikko-autumn');
  await way.departureOpen(page);
  const booking = await way.hold(page);
  for (const card of CARDS) {
    await page.goto(`${house.shop}/bookings/${booking.id}/travellers`);
    await way.travellersFill(page, booking, { ...way.personNew(page.lang), address: card });
    await way.travellersSend(page);
    await page.locator('h1').waitFor();
    assert.equal(page.answers.findLast((a) => a.request().resourceType() === 'document').status(), 422);
  }
}

async function accountWithWrongLogins(page, house) {
  const person = way.personNew(page.lang);
  await page.goto(`${house.shop}/register`);
  for (const key of ['name', 'kana', 'email', 'phone']) await page.locator(`#${key}`).fill(person[key]);
  await page.locator('#password').fill(PASSWORD);
  await page.locator('form[action="/register"] button').click();
  await page.waitForURL(`${house.shop}/my`);
  await page.locator('form[action="/logout"] button').click();
  for (const [email, password] of [[person.email, 'Hamanasu-no-oka 78'], [way.personNew('en').email, PASSWORD], [person.email, PASSWORD]]) {
    await page.goto(`${house.shop}/login`);
    await page.locator('#email').fill(email);
    await page.locator('#password').fill(password);
    await page.locator('form[action="/login"] button').click();
    await page.waitForLoadState();
  }
  assert.equal(new URL(page.url()).pathname, '/my');
}

async function standsAgain(house, room, before) {
  await waitFor(`${room} to stand again`, async () => {
    const status = await house.json('status').catch(() => null);
    const now = status?.rooms.find((r) => r.name === room);
    return now && now.pid !== before && status.health === 'ok' && (await house.health()).status === 200;
  }, { every: 300 });
}

// Rooms that crash with people's data in their memory leave no core.
async function crashes(page, house) {
  for (const [room, signal] of [['shop', SIGSEGV], ['vault', SIGABRT], ['pay', SIGSEGV], ['guard', SIGABRT]]) {
    await way.toConfirm(page, house);
    const before = (await house.json('status')).rooms.find((r) => r.name === room).pid;
    await house.signal(room, signal);
    await standsAgain(house, room, before);
  }
}

async function everything(house, visitor) {
  const bookings = [];
  for (const lang of ['ja', 'en']) {
    const page = await visitor({ lang, device: lang === 'ja' ? 'phone' : 'desktop' });
    bookings.push(await paid(page, house, { adults: 2, children: 1 }));
    bookings.push(await declined(page, house));
    await cardsRefused(page, house);
    await accountWithWrongLogins(await visitor({ lang }), house);
  }
  return bookings;
}

// Each value of each person of these bookings: found or not.
function travellersOf(bookings) {
  const list = [];
  for (const { person, companions } of bookings) {
    for (const kind of ['name', 'kana', 'email', 'phone', 'address']) list.push({ kind, value: person[kind] });
    for (const who of companions) list.push({ kind: 'name', value: who.name }, { kind: 'kana', value: who.kana });
    for (const [y, m, d] of [person.birth, ...companions.map((who) => who.birth)]) {
      list.push({ kind: 'birth', value: `${y}-${String(m).padStart(2, '0')}-${String(d).padStart(2, '0')}` });
    }
  }
  return list;
}

function missed(bookings, clear) {
  const found = new Set(clear.found.map((f) => `${f.kind}\t${f.value}`));
  return travellersOf(bookings).filter(({ kind, value }) => !found.has(`${kind}\t${value}`));
}

async function down(house) {
  const got = await house.stop();
  assert.equal(got.code, 0, got.stderr);
  return house.clear;
}

file.scene('bookings, refusals, wrong passwords, declined payments, crashes: 0 finds', async ({ visitor }) => {
  const house = await houseStart();
  try {
    const page = await visitor({ lang: 'ja' });
    const bookings = await everything(house, visitor);
    await crashes(page, house);
    assert.ok(travellersOf(bookings).length > 40);
  } finally {
    await down(house); // judged with all others at the end of this file
  }
});

file.scene('with a vault that seals nothing the search finds every traveller', async ({ visitor }) => {
  const house = await houseStart({ env: { SEKISHO_TEST_UNSEALED: '1' }, judged: false });
  let clear, bookings;
  try {
    bookings = await everything(house, visitor);
  } finally {
    clear = await down(house);
  }
  assert.deepEqual(missed(bookings, clear), [], 'every value of every traveller');
  assert.ok(clear.found.every((f) => f.kind !== 'card' && f.kind !== 'text'), 'cards and passwords are no matter of sealing');
  assert.ok(clear.finds.every((f) => /\/shop\//.test(f.file)), `only the shop's own files: ${[...new Set(clear.finds.map((f) => f.file))]}`);
  assert.match(searchFault(clear), /finds of what was typed/);
});

file.scene('on PostgreSQL: 0 finds in its data folder, write-ahead log and shared buffers', async ({ visitor }) => {
  const house = await houseStart({ postgres: true });
  try {
    const page = await visitor({ lang: 'ja' });
    await paid(page, house, { adults: 2 });
    await declined(page, house);
    assert.equal((await house.postgres.query('SELECT count(*) FROM booking', 'shop')).trim(), '2', 'the bookings are there');
  } finally {
    await down(house);
  }
});

file.scene('on PostgreSQL with a vault that seals nothing: every traveller, in the data folder', async ({ visitor }) => {
  const house = await houseStart({ env: { SEKISHO_TEST_UNSEALED: '1' }, judged: false, postgres: true });
  let clear, bookings;
  try {
    bookings = [await paid(await visitor({ lang: 'ja' }), house, { adults: 2 })];
  } finally {
    clear = await down(house);
  }
  assert.deepEqual(missed(bookings, clear), []);
  for (const where of [/-pg-[^/]*\/data\/base\//, /-pg-[^/]*\/data\/pg_wal\//, /zero|memfd|SYSV/]) {
    assert.ok(clear.finds.some((f) => where.test(f.file)), `found in ${where}: ${[...new Set(clear.finds.map((f) => f.file))].join('\n')}`);
  }
});

file.scene('in no other profile the switch does anything', async ({ visitor }) => {
  const house = await houseStart({ env: { SEKISHO_TEST_UNSEALED: '1' }, profile: 'demo' });
  try {
    const { pid } = (await house.json('status')).rooms.find((r) => r.name === 'vault');
    assert.equal(await readlink(`/proc/${pid}/exe`), path.join(HOUSE_TREE, 'build/vault/vaultd'));
    await paid(await visitor({ lang: 'ja' }), house, { adults: 2 });
  } finally {
    await down(house);
  }
});

await file.play();
