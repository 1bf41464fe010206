// No reveal without a record: with the record room stopped no personal value is shown, nothing pretends, and all is
// well again afterwards. And rooms that die come back.
import assert from 'node:assert/strict';
import { readFile, readdir, rm, stat, writeFile } from 'node:fs/promises';
import path from 'node:path';
import * as way from './lib/booking.mjs';
import { waitFor } from './lib/house.mjs';
import { OUT, scenes } from './lib/scene.mjs';

const file = scenes('record');
const SIGKILL = 9, SIGCONT = 18, SIGSTOP = 19;

const shows = async (page, person) => {
  const text = await page.content();
  return [person.name, person.kana, person.email, person.address].some((value) => text.includes(value));
};

async function paidBooking(page, house) {
  const booking = await way.toProvider(page, house);
  await way.act(page, 'success');
  await way.backAtShop(page, house);
  await way.stateBecomes(page, house, booking, 'confirmed');
  assert.ok(await shows(page, booking.person), 'the owner sees the people while all is well');
  return booking;
}

file.scene('with ledgerd stopped nothing personal is revealed, and the health page says why', async ({ house, visitor }) => {
  const page = await visitor({ lang: 'ja' });
  const booking = await paidBooking(page, house);
  const other = await visitor({ lang: 'ja', device: 'phone' });
  const open = await way.toConfirm(other, house);
  await house.signal('ledger', SIGSTOP);
  try {
    const health = await waitFor('the health page to say it', async () => {
      const got = await house.health();
      return got.status === 503 ? got : null;
    });
    assert.equal(health.personal_data_shown, false);
    assert.equal(health.bookings, false);
    const room = health.rooms.find((r) => r.name === 'ledgerd');
    assert.equal(room.ok, false);
    assert.ok(room.why.length > 0, 'with a reason in words');
    await page.goto(`${house.shop}/bookings/${booking.id}`);
    assert.equal(await shows(page, booking.person), false, 'the booking page reveals nothing');
    assert.equal(await page.locator('.calm-line a[href="/health"]').count(), 1, 'and says so');
    assert.ok((await page.content()).includes(booking.number), 'the booking itself is shown');
    await page.screenshot({ path: path.join(OUT, 'ledger-stopped-booking-desktop-ja.png'), fullPage: true });
    await other.reload();
    assert.equal(await shows(other, open.person), false, 'nor does the confirmation page');
    await way.consent(other);
    await other.waitForLoadState();
    assert.ok(other.url().startsWith(house.shop), 'no consent without a record, no payment without consent');
    await page.goto(`${house.shop}/health`);
    assert.ok(await page.locator('.health-rooms .no').count() > 0);
    await page.screenshot({ path: path.join(OUT, 'health-ill-desktop-ja.png'), fullPage: true });
    // The catalogue needs no record.
    await page.goto(`${house.shop}/tours`);
    assert.ok(await page.locator('.card').count() > 0);
  } finally {
    await house.signal('ledger', SIGCONT);
  }
  await waitFor('the house to be well again', async () => (await house.health()).status === 200);
  await waitFor('the people to be shown again', async () => {
    await page.goto(`${house.shop}/bookings/${booking.id}`);
    return shows(page, booking.person);
  }, { every: 500 });
  // The other customer's way goes on where it stood.
  await other.goto(`${house.shop}/bookings/${open.id}/confirm`);
  await way.consent(other);
  await way.atProvider(other, house);
  await way.act(other, 'success');
  await way.backAtShop(other, house);
  await way.stateBecomes(other, house, open, 'confirmed');
});

file.scene('every reveal has its intent before it', async ({ house }) => {
  const records = await house.records();
  const intents = records.filter((r) => r.type === 'REVEAL_INTENT');
  const outcomes = records.filter((r) => r.type === 'REVEAL_OUTCOME');
  assert.ok(outcomes.length > 0);
  for (const outcome of outcomes) {
    assert.ok(intents.some((i) => i.seq < outcome.seq && i.request === outcome.request), `outcome ${outcome.seq} has an intent before it`);
  }
});

// The supervisor: the parent of the rooms. Its open descriptors, and its ticks of processor time.
async function supervisorOf(house) {
  const { rooms } = await house.json('status');
  const parent = (await readFile(`/proc/${rooms.find((r) => r.name === 'ledger').pid}/status`, 'utf8')).match(/^PPid:\s+(\d+)/m)[1];
  const stat = (await readFile(`/proc/${parent}/stat`, 'utf8')).split(') ')[1].split(' ');
  return { open: (await readdir(`/proc/${parent}/fd`)).length, ticks: Number(stat[11]) + Number(stat[12]) };
}

for (const room of ['vault', 'pay', 'shop', 'ledger', 'guard']) {
  file.scene(`${room} is killed and comes back; a booking then goes through`, async ({ house, visitor }) => {
    const page = await visitor({ lang: 'ja' });
    const before = (await house.json('status')).rooms.find((r) => r.name === room);
    await house.signal(room, SIGKILL);
    await waitFor(`${room} to stand again`, async () => {
      const status = await house.json('status').catch(() => null);
      const now = status?.rooms.find((r) => r.name === room);
      return now && now.pid !== before.pid && now.health === 'ok' && status.health === 'ok';
    }, { every: 300 });
    await waitFor('the health page to agree', async () => (await house.health()).status === 200, { every: 300 });
    const booking = await way.toProvider(page, house);
    await way.act(page, 'success');
    await way.backAtShop(page, house);
    await way.stateBecomes(page, house, booking, 'confirmed');
    await house.mailFor(booking.person.email);
  });
}

// A worker that outlives its killed master keeps the pipe of the log until after the restart: a supervisor that has
// forgotten its own end by then is rung for ever.
file.scene('a master is killed whose worker stays: the supervisor lets go of both, and is at rest', async ({ house }) => {
  const before = await supervisorOf(house);
  // whatever the house's health is
  const guard = async () => JSON.parse((await house.run('status', '--json')).stdout).rooms.find((r) => r.name === 'guard');
  const first = await guard();
  const workers = (await readFile(`/proc/${first.pid}/task/${first.pid}/children`, 'utf8')).trim().split(' ').map(Number);
  for (const pid of workers) process.kill(pid, 'SIGSTOP');
  await house.signal('guard', SIGKILL);
  await waitFor('a restart to be tried', async () => (await guard())?.restarts > first.restarts);
  for (const pid of workers) process.kill(pid, 'SIGKILL');
  await waitFor('all to be well again', async () => (await house.json('status').catch(() => null))?.health === 'ok', { every: 300 });
  await waitFor('as many open descriptors as before', async () => (await supervisorOf(house)).open <= before.open);
  const { ticks } = await supervisorOf(house);
  await new Promise((done) => { setTimeout(done, 2000); });
  const spent = (await supervisorOf(house)).ticks - ticks;
  assert.ok(spent < 100, `${spent} of 200 ticks spent at rest`); // one that spins takes all it can get
});

file.scene('the record holds after all of this, and its faults would be found', async ({ house }) => {
  const out = JSON.parse((await house.must('ledger', 'verify', '--json')).trim().split('\n').at(-1));
  assert.equal(out.verdict, 'ok', JSON.stringify(out.faults));
  assert.equal(out.fault_count, 0);
  assert.ok(out.records > 50);
});

file.scene('each record has a MAC: the key that lies in the safe recomputes every one, and no other does', async ({ house }) => {
  const safe = path.join(house.var, 'offline');
  const keys = (await readdir(safe)).filter((name) => /^ledger-mac-[0-9a-f]{8}\.key$/.test(name));
  assert.equal(keys.length, 1);
  const key = path.join(safe, keys[0]);
  assert.equal((await stat(key)).mode & 0o777, 0o400);
  const secrets = await readdir(path.join(house.var, 'secrets/ledger'));
  assert.ok(!secrets.includes('mac.start'), 'ledgerd keeps no start key');
  const verify = async (file) => house.must('ledger', 'verify', '--json', '--mac-key', file)
    .then((said) => JSON.parse(said.trim().split('\n').at(-1)), (error) => error);
  const out = await verify(key);
  assert.equal(out.verdict, 'ok', JSON.stringify(out.faults));
  assert.ok(out.macs_checked >= out.records - 1, `${out.macs_checked} of ${out.records}`); // all but GENESIS; some are not sealed yet
  const other = path.join(house.var, 'run/other.key');
  await writeFile(other, `ledger-mac ${'0'.repeat(64)}\n`);
  assert.ok((await verify(other)) instanceof Error, 'a key that began nothing here is refused');
  await rm(other);
});

file.scene('an order to preserve stands over a restart of the record room, in both languages, until it is lifted', async ({ house }) => {
  const standing = async () => JSON.parse(await house.must('ledger', 'holds', '--json')).holds;
  assert.deepEqual(await standing(), []);
  const said = await house.must('--lang', 'en', 'ledger', 'hold', '--reason', '警察より保全要請 第12号');
  const id = said.match(/\b[bcdfghjkmnpqrstv]{32}\b/)?.[0];
  assert.ok(id, said);
  assert.match(await house.must('--lang', 'ja', 'ledger', 'hold', '--reason', '弁護士'), /保全命令/);
  await house.signal('ledger', SIGKILL);
  await waitFor('the record room to come back', async () => (await standing()).length === 2);
  assert.equal((await standing()).find((one) => one.hold === id).reason, '警察より保全要請 第12号');
  assert.equal(JSON.parse((await house.must('ledger', 'verify', '--json')).trim().split('\n').at(-1)).holds, 2);
  for (const one of await standing()) {
    await house.must('ledger', 'release', one.hold, '--reason', '解除通知');
  }
  assert.deepEqual(await standing(), []);
  await assert.rejects(house.must('--lang', 'ja', 'ledger', 'release', id, '--reason', 'twice'), /有効ではありません/);
});

await file.play();
