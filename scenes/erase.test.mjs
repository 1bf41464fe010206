// One customer erased in a running house: what was sealed for her opens nowhere any more - not in the house, not in a backup
// made before, not after a restore -, every old proof verifies, everybody else is untouched, and a legal hold wins.
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { cp, mkdtemp, readFile, readdir, rm } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { Customer, SoldOut, departuresOf } from './lib/customer.mjs';
import { HOUSE_TREE, House, facts, sleep, waitFor } from './lib/house.mjs';
import { scenes } from './lib/scene.mjs';

const file = scenes('erase', { browser: false });
const stage = {}; // dir: backups; old: a copy of it from before the erasure; safe: what is carried away
const HEADER = 4096, SLOT = 256, WRAPPED = 48, WRAPPED_BYTES = 104;

// At the first of these departures that has a seat.
async function paid(house, departures) {
  const c = new Customer(house);
  for (;;) {
    try {
      await c.book(departures[0]);
      break;
    } catch (error) {
      if (!(error instanceof SoldOut) || departures.length < 2) throw error;
      departures.shift();
    }
  }
  await c.act('success');
  await c.becomes('confirmed');
  await house.mailFor(c.person.email);
  c.number = (await c.get(`/bookings/${c.booking}`)).html.match(/SKS-[A-Z]{4}-[A-Z]{4}/)[0];
  return c;
}

const opens = async (c) => (await c.get(`/bookings/${c.booking}`)).html.includes(c.person.email);

// Every slot of a key file: its state word and the wrapped bytes.
async function slots(house, name = 'keys') {
  const bytes = await readFile(path.join(house.var, 'vault', name));
  const list = [];
  for (let at = HEADER; at + SLOT <= bytes.length; at += SLOT) {
    list.push({ state: bytes.toString('latin1', at, at + 8), wrapped: Buffer.from(bytes.subarray(at + WRAPPED, at + WRAPPED + WRAPPED_BYTES)) });
  }
  return list;
}

// All files of the house that hold any quarter of these bytes.
async function holders(house, bytes) {
  const found = [];
  for (const { file: name, bytes: all } of await house.kept('.')) {
    for (let at = 0; at < bytes.length; at += 26) if (all.includes(bytes.subarray(at, at + 26))) found.push(name);
  }
  return [...new Set(found)];
}

function verify(house, ...args) {
  try {
    return { code: 0, out: execFileSync(path.join(HOUSE_TREE, 'build/ledger/verify/ledger-verify'), [...args, path.join(house.var, 'ledger')], { encoding: 'utf8' }) };
  } catch (error) {
    return { code: error.status, out: error.stdout };
  }
}

const erasedOf = async (house, step) => (await house.records()).filter((r) => r.type === 'ERASED' && facts(r).step === step);

file.scene('one of two customers is erased, the other is not', async ({ house }) => {
  stage.departures = await departuresOf(house);
  for (const name of ['dir', 'old', 'safe']) stage[name] = await mkdtemp(path.join(os.tmpdir(), `sekisho-erase-${name}-`));
  await cp(path.join(house.var, 'offline'), stage.safe, { recursive: true });
  stage.gone = await paid(house, stage.departures);
  stage.stays = await paid(house, stage.departures);
  assert.ok(await opens(stage.gone) && await opens(stage.stays));
  await house.must('backup', stage.dir);
  await cp(stage.dir, stage.old, { recursive: true });
  await sleep(1200); // a checkpoint that covers all of it
  await cp(path.join(house.var, 'ledger/public/checkpoint'), path.join(stage.safe, 'before'));
  const before = await slots(house);
  const keysFile = (await readdir(stage.dir)).find((name) => name.endsWith('.keys'));
  const oldKeys = await readFile(path.join(stage.dir, keysFile));

  const said = await house.must('erase', '--booking', stage.gone.number, '--asked', 'customer', '--ref', 'T-2026-1');
  assert.match(said, /^Erased\. 1 keys destroyed, personal data of 1 bookings emptied\./);
  const after = await slots(house);
  const turned = before.map((slot, i) => i).filter((i) => before[i].state === 'LIVE key' && after[i].state === 'ERASED 0');
  assert.equal(turned.length, 1, 'one key');
  stage.wrapped = before[turned[0]].wrapped;
  assert.deepEqual(await holders(house, stage.wrapped), [], 'the key is in no file of the house');
  const other = before.find((slot, i) => slot.state === 'LIVE key' && after[i].state === 'LIVE key');
  assert.equal((await holders(house, other.wrapped)).length, 1, 'the search would have found it');
  assert.ok(!(await readFile(path.join(stage.dir, keysFile))).equals(oldKeys), 'the key file of the backups is a new one');

  assert.equal(await opens(stage.gone), false);
  assert.equal(await stage.gone.state(), 'confirmed', 'the booking itself is in the books');
  assert.ok(await opens(stage.stays));
  const [intent] = await erasedOf(house, 'intent'), [done] = await erasedOf(house, 'done'), [copies] = await erasedOf(house, 'copies');
  assert.equal(facts(intent).asked, 'customer');
  assert.equal(facts(intent).ref, 'T-2026-1');
  assert.ok(facts(intent).by.length > 0 && intent.subject === done.subject && intent.seq < done.seq);
  assert.equal(facts(copies).replaced, '1');
  assert.equal((await house.records()).filter((r) => r.type === 'PERSON_FORGOTTEN').length, 1);
});

file.scene('the shop can be asked nothing about her, the log and all old proofs hold', async ({ house }) => {
  const again = new Customer(house);
  const page = await again.get('/lookup');
  assert.equal(page.status, 200);
  assert.equal(verify(house).code, 0);
  assert.equal(verify(house, '--checkpoint', path.join(stage.safe, 'before')).code, 0, 'a checkpoint from before');
  const twice = await house.must('erase', '--booking', stage.gone.number);
  assert.match(twice, /destroyed before/);
  assert.equal((await erasedOf(house, 'done')).length, 1);
  const unknown = await house.run('erase', '--booking', 'SKS-BBBB-BBBB');
  assert.equal(unknown.code, 1);
  assert.match(unknown.stderr, /no such customer/);
  assert.equal((await house.run('erase')).code, 2);
  assert.equal((await house.run('erase', '--booking', stage.stays.number, '--asked', 'Yamada Hanako')).code, 2, 'no names in the record');
});

file.scene('a legal hold wins, and the refusal is on record', async ({ house }) => {
  await house.must('hold', 'add', '--booking', stage.stays.number, '--asked', 'court', '--ref', 'case-7');
  assert.match(await house.must('hold', 'list'), /case-7/);
  const no = await house.run('erase', '--booking', stage.stays.number);
  assert.equal(no.code, 1);
  assert.match(no.stderr, /legal hold stands/);
  assert.ok(await opens(stage.stays));
  const refused = await house.recordOf('ERASE_REFUSED');
  assert.equal(facts(refused).reason, 'legal_hold');
  assert.equal(facts(refused).hold, 'case-7');
  await house.must('hold', 'release', '--booking', stage.stays.number, '--asked', 'court', '--ref', 'case-7');
  assert.deepEqual((await house.records()).filter((r) => r.type === 'LEGAL_HOLD').map((r) => facts(r).step), ['set', 'released']);
});

file.scene('a hold that was set after the backup still stands after a restore', async ({ house }) => {
  await house.must('hold', 'add', '--booking', stage.stays.number, '--asked', 'court', '--ref', 'case-8');
  await house.must('down');
  const said = await house.must('restore', stage.dir, '--key', path.join(stage.safe, 'backup.key'), '--force');
  await rm(said.match(/now at (\S+)/)[1], { recursive: true });
  await house.must('up', '--detach', '--profile', 'test');
  assert.match(await house.must('hold', 'list'), /case-8/);
  assert.equal((await house.run('erase', '--booking', stage.stays.number)).code, 1);
  await house.must('hold', 'release', '--booking', stage.stays.number);
  assert.equal(await opens(stage.gone), false);
  await house.must('brake', 'payments', 'resume', '--reason', 'restored and looked at',
    '--key', path.join(stage.safe, 'brake-ciso.key'), '--key', path.join(stage.safe, 'brake-director.key'));
});

file.scene('erase killed anywhere, then given again', async ({ house }) => {
  for (let i = 0; i < 6; i++) {
    const c = await paid(house, stage.departures);
    const child = house.spawn('erase', '--booking', c.number);
    const ended = new Promise((done) => { child.once('exit', done); });
    await sleep(5 + i * 25);
    child.kill('SIGKILL');
    if (i % 2) await house.signal('vault', 9);
    await ended;
    await waitFor('the house to stand', async () => (await house.json('status')).health === 'ok', { every: 300 });
    const got = await house.run('erase', '--booking', c.number);
    assert.equal(got.code, 0, got.stderr);
    assert.equal(await opens(c), false);
  }
  assert.ok(await opens(stage.stays));
  assert.equal((await erasedOf(house, 'intent')).filter((r) => !facts(r).again).length, 7);
  assert.equal(verify(house).code, 0);
});

file.scene('the house is lost: the backup from before the erasure does not bring her back', async ({ house }) => {
  await house.must('down');
  await rm(house.var, { recursive: true });
  await house.must('restore', stage.dir, '--key', path.join(stage.safe, 'backup.key'));
  await house.must('up', '--detach', '--profile', 'test');
  assert.equal(await opens(stage.gone), false);
  assert.ok(await opens(stage.stays));
  assert.deepEqual(await holders(house, stage.wrapped), []);
});

file.scene('an old key file somewhere else: the record destroys the key again', async ({ house }) => {
  await house.must('down');
  await rm(path.join(house.var, 'vault'), { recursive: true }); // the ledger is what is left
  const said = await house.must('restore', stage.old, '--key', path.join(stage.safe, 'backup.key'), '--force');
  await rm(said.match(/now at (\S+)/)[1], { recursive: true });
  assert.doesNotMatch(said, /ATTENTION/);
  await house.must('up', '--detach', '--profile', 'test');
  assert.ok(await opens(stage.stays));
  // the ledger of that house began with a backup from before the erasure, so it does not know of it
  stage.number = stage.gone.number;
  assert.equal(await opens(stage.gone), true, 'all that was left of the house was older than the erasure');
  await house.must('erase', '--booking', stage.number);
  await sleep(1200);
  await house.must('down');
  await rm(path.join(house.var, 'vault'), { recursive: true });
  const known = await house.must('restore', stage.old, '--key', path.join(stage.safe, 'backup.key'), '--force');
  await rm(known.match(/now at (\S+)/)[1], { recursive: true });
  assert.match(known, /By the erasures on record, 1 keys were destroyed again/);
  await house.must('up', '--detach', '--profile', 'test');
  assert.equal(await opens(stage.gone), false);
  assert.ok(await opens(stage.stays));
  assert.deepEqual(await holders(house, stage.wrapped), []);
});

file.scene('on PostgreSQL: rows are gone, dead ones and the write-ahead log hold ciphertext only', async () => {
  const house = await House.start({ postgres: true });
  try {
    if (!house.postgres) return;
    const departures = await departuresOf(house);
    const gone = await paid(house, departures), stays = await paid(house, departures);
    const before = await slots(house);
    await house.must('erase', '--booking', gone.number);
    const after = await slots(house);
    const index = before.findIndex((slot, i) => slot.state === 'LIVE key' && after[i].state === 'ERASED 0');
    assert.deepEqual(await holders(house, before[index].wrapped), []);
    assert.equal((await house.postgres.query('SELECT count(*) FROM representative', 'shop')).trim(), '1');
    assert.equal((await house.postgres.query('SELECT count(*) FROM traveller', 'shop')).trim(), '1');
    assert.equal((await house.postgres.query('SELECT count(*) FROM notice WHERE length(raw_sealed) = 0', 'pay')).trim() !== '0', true);
    assert.equal(await opens(gone), false);
    assert.ok(await opens(stays));
  } finally {
    await house.stop();
  }
});

file.scene('all is put away', async () => {
  for (const dir of [stage.dir, stage.old, stage.safe]) await rm(dir, { recursive: true });
});

await file.play();
