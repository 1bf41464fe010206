// Backups: taken under load, tested, and the house rebuilt from one. What must hold: every paid booking up to the backup
// is there, every capture after it is found at the provider before payments open; nothing damaged, foreign or unfinished
// is ever put in place; an old order of the brake, a shorter ledger and an erased key do not come back.
import assert from 'node:assert/strict';
import { execFileSync, spawnSync } from 'node:child_process';
import { cp, mkdir, mkdtemp, readFile, readdir, rm, stat, writeFile } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { Customer, SoldOut, departuresOf } from './lib/customer.mjs';
import { HOUSE_TREE, facts, sleep, waitFor } from './lib/house.mjs';
import { Provider } from './lib/provider.mjs';
import { scenes, Skip } from './lib/scene.mjs';

const LONG = process.env.SCENES_LONG === '1';
const CLIENTS = Number(process.env.SCENES_CLIENTS ?? (LONG ? 64 : 6));
const LOAD_MS = Number(process.env.SCENES_LOAD_MS ?? (LONG ? 60_000 : 1_500));
const file = scenes('backup', { browser: false });
const stage = {}; // safe: a folder outside of the house; dir: the backups; provider

const backups = async () => (await readdir(stage.dir)).filter((name) => name.endsWith('.skb')).sort();
const keyOption = () => ['--key', path.join(stage.safe, 'backup.key')];
const flip = async (name, at) => {
  const bytes = await readFile(name);
  bytes[at < 0 ? bytes.length + at : at] ^= 1;
  await writeFile(name, bytes);
};

// Many customers at once, until told to stop. Each paid one is noted with when its booking was confirmed.
function load(house, departures) {
  const state = { paid: [], failed: [], again: 0, stop: false, walks: 0 };
  const one = async (n) => {
    while (!state.stop) {
      const c = new Customer(house);
      try {
        const departure = departures[(n + state.walks++) % departures.length];
        await c.book(departure).catch((error) => {
          if (error instanceof SoldOut && departures.length > 1) departures.splice(departures.indexOf(departure), 1);
          throw error;
        });
        await c.act('success');
        await c.becomes('confirmed');
        state.paid.push({ customer: c, at: Date.now() });
      } catch (error) {
        // a refusal in good order ("please try again") is no failure of the house; how many there were is told
        if (/pay\?down=1|^503 /.test(error.message)) state.again++;
        else if (!state.stop && !(error instanceof SoldOut)) state.failed.push(error);
      }
    }
  };
  state.done = Promise.all(Array.from({ length: CLIENTS }, (_, n) => one(n)));
  return state;
}

async function paid(house, departure, scenario = 'success') {
  const c = new Customer(house);
  await c.book(departure);
  await c.act(scenario);
  return c;
}

// What payd says of itself; status has another exit code while anything is not well.
const payWhy = async (house) => JSON.parse((await house.run('status', '--json')).stdout).rooms.find((room) => room.name === 'pay').reasons.find((r) => r.name === 'brake').text;
const payOpen = async (house) => (await payWhy(house)) === 'open';
const resume = (house) => house.must('brake', 'payments', 'resume', '--reason', 'restored and looked at',
  '--key', path.join(stage.safe, 'brake-ciso.key'), '--key', path.join(stage.safe, 'brake-director.key'));

file.scene('while nothing runs, a backup is refused with the reason', async ({ house }) => {
  stage.dir = await mkdtemp(path.join(os.tmpdir(), 'sekisho-backups-'));
  stage.safe = await mkdtemp(path.join(os.tmpdir(), 'sekisho-safe-'));
  await cp(path.join(house.var, 'offline'), stage.safe, { recursive: true });
  await house.must('down');
  const got = await house.run('backup', stage.dir);
  assert.equal(got.code, 1);
  assert.match(got.stderr, /no house is running/);
  assert.deepEqual(await backups(), []);
  stage.provider = await Provider.start(house);
  await house.must('up', '--detach', '--profile', 'test');
});

file.scene('the key that reads backups is in the safe alone', async ({ house }) => {
  assert.equal((await stat(path.join(house.var, 'offline/backup.key'))).mode & 0o777, 0o400);
  const got = await house.run('backup', 'test', stage.dir, '--key', path.join(house.var, 'etc/backup.pub'));
  assert.equal(got.code, 1);
  assert.match(got.stderr, /backup\.key/);
  assert.equal((await house.run('backup', path.join(house.var, 'backup'))).code, 1, 'not inside the house');
});

file.scene('a backup under load, twice; each holds', async ({ house }) => {
  stage.departures = await departuresOf(house);
  assert.ok(stage.departures.length > 8, 'departures with seats');
  const running = load(house, stage.departures.slice(0, -4));
  const since = { at: Date.now(), requests: Customer.requests };
  await waitFor('a first paid booking', () => running.paid.length > 0 || running.failed.length > 3);
  await house.must('backup', stage.dir);
  await sleep(LOAD_MS);
  stage.begun = Date.now();
  stage.made = await house.must('backup', stage.dir);
  await sleep(LOAD_MS / 3);
  running.stop = true;
  await running.done;
  const rate = (Customer.requests - since.requests) / (Date.now() - since.at) * 1000;
  console.log(`      ${rate.toFixed(0)} requests/s by ${CLIENTS} customers, ${running.paid.length} paid bookings, ${running.again} asked to try again; ${stage.made.trim()}`);
  assert.deepEqual(running.failed.map(String), [], 'customers noticed nothing');
  assert.ok(running.again <= running.paid.length / 50, `${running.again} customers were asked to try again`);
  stage.before = running.paid.filter((one) => one.at < stage.begun).map((one) => one.customer);
  stage.during = running.paid.filter((one) => one.at >= stage.begun).map((one) => one.customer);
  assert.ok(stage.before.length > 0);
  assert.equal((await backups()).length, 2);
  const test = await house.must('backup', 'test');
  assert.match(test, new RegExp(`Backup holds: ${(await backups()).at(-1)}`));
  const tested = await house.recordOf('BACKUP_TESTED');
  assert.equal(facts(tested).result, 'good');
  assert.equal(facts(tested).sample, 'opened', 'a sealed name opens with the saved keys');
  assert.ok(Number(facts(tested).paid) >= stage.before.length, `paid bookings in it: ${facts(tested).paid} of ${stage.before.length}`);
  assert.equal((await house.records()).filter((r) => r.type === 'BACKUP_MADE').length, 2);
});

file.scene('nothing in the clear lies in a backup', async () => {
  for (const name of await readdir(stage.dir)) {
    const bytes = await readFile(path.join(stage.dir, name));
    for (const c of [...stage.before, ...stage.during].slice(0, 20)) {
      assert.ok(!bytes.includes(c.person.email) && !bytes.includes(c.booking), name);
    }
    assert.ok(!bytes.includes('SQLite format 3') && !bytes.includes('SekiKeys'), name);
  }
});

file.scene('altered, cut, foreign or renamed: refused, and the reason is told', async ({ house }) => {
  const work = await mkdtemp(path.join(os.tmpdir(), 'sekisho-damaged-'));
  const newest = (await backups()).at(-1);
  const size = (await stat(path.join(stage.dir, newest))).size;
  const keysFile = (await readdir(stage.dir)).find((name) => name.endsWith('.keys'));
  const renamed = newest.replace(/-[a-z]{8}\.skb$/, '-bbbbbbbb.skb');
  const cases = [
    ['a byte of the header', (f) => flip(f, 20), /another key|altered/],
    ['a byte in the middle', (f) => flip(f, size >> 1), /altered/],
    ['the last byte', (f) => flip(f, -1), /altered/],
    ['cut in the middle', async (f) => writeFile(f, (await readFile(f)).subarray(0, size >> 1)), /cut short|altered/],
    ['the last chunk cut off', async (f) => writeFile(f, (await readFile(f)).subarray(0, size - 1)), /cut short/],
    ['empty', (f) => writeFile(f, ''), /cut short/],
    ['something behind the end', async (f) => writeFile(f, Buffer.concat([await readFile(f), Buffer.from('x')])), /altered/],
    ['no backup', (f) => writeFile(f, Buffer.alloc(4096, 'a')), /no backup/],
  ];
  for (const [what, damage, why] of cases) {
    await rm(work, { recursive: true });
    await cp(stage.dir, work, { recursive: true });
    await damage(path.join(work, newest));
    const got = await house.run('backup', 'test', work, newest);
    assert.equal(got.code, 1, what);
    assert.match(got.stderr, why, what);
  }
  await rm(work, { recursive: true });
  await cp(stage.dir, work, { recursive: true });
  await cp(path.join(work, newest), path.join(work, renamed));
  assert.match((await house.run('backup', 'test', work, renamed)).stderr, /altered/, 'renamed');
  await flip(path.join(work, keysFile), 300);
  assert.match((await house.run('backup', 'test', work, newest)).stderr, /\.keys.*(altered|damaged)/s, 'the key file');
  await rm(path.join(work, keysFile));
  assert.equal((await house.run('backup', 'test', work, newest)).code, 1, 'without the key file');
  // another house's key: same form, other digits
  const foreign = path.join(work, 'other.key');
  await writeFile(foreign, (await readFile(path.join(stage.safe, 'backup.key'), 'utf8')).replace(/secret ./, (hit) => (hit.endsWith('0') ? 'secret 1' : 'secret 0')));
  assert.match((await house.run('backup', 'test', stage.dir, newest, '--key', foreign)).stderr, /another key/);
  const failed = (await house.records()).filter((r) => r.type === 'BACKUP_TESTED' && facts(r).result === 'failed');
  assert.ok(failed.length >= cases.length, 'each failure is on record');
  await rm(work, { recursive: true });
});

file.scene('a full disk: a clear error and no file that looks whole', async ({ house }) => {
  if (process.getuid() !== 0) throw new Skip('needs root for a small file system');
  const small = await mkdtemp(path.join(os.tmpdir(), 'sekisho-small-'));
  try {
    execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=64k,mode=700', 'tmpfs', small], { stdio: 'ignore' });
  } catch {
    throw new Skip('no small file system can be mounted here');
  }
  try {
    // not inside the watch of the house's files: it does not see what is mounted here
    const got = spawnSync(path.join(HOUSE_TREE, 'sekisho'), ['backup', small], { env: house.env, encoding: 'utf8' });
    assert.equal(got.status, 1);
    assert.match(got.stderr, /no space left/);
    assert.deepEqual(await readdir(small), [], 'nothing is left there');
  } finally {
    execFileSync('umount', [small]);
    await rm(small, { recursive: true });
  }
});

file.scene('killed in the middle: the next one cleans up and holds', async ({ house }) => {
  const before = await backups();
  for (let i = 0; i < (LONG ? 40 : 4); i++) {
    const child = house.spawn('backup', stage.dir);
    const ended = new Promise((done) => { child.once('exit', done); }); // it may be done before it is killed
    await sleep(10 + i * (LONG ? 15 : 60));
    child.kill('SIGKILL');
    await ended;
  }
  await house.must('backup', 'test', stage.dir);
  await house.must('backup', stage.dir);
  assert.ok(!(await readdir(stage.dir)).some((name) => name.endsWith('.tmp')), 'no unfinished file stays');
  assert.deepEqual(await readdir(path.join(house.var, 'backup')), [], 'nor anything in the scratch folder');
  for (const name of (await backups()).filter((one) => !before.includes(one))) await house.must('backup', 'test', stage.dir, name);
});

file.scene('captures after the backup, then the house is wiped and rebuilt', async ({ house }) => {
  const [one, two, three, four] = stage.departures.slice(-4);
  const early = new Customer(house); // its page is made before the backup, and paid after it
  await early.book(one);
  const held = new Customer(house); // only its seats are known to the backup
  await held.hold(two);
  await held.travellers();
  await house.must('backup', stage.dir);
  stage.last = (await backups()).at(-1);
  await early.act('no_webhook');
  await held.toProvider();
  await held.act('no_webhook');
  const lost = await paid(house, three, 'no_webhook'); // its booking is in no backup
  const told = await paid(house, four); // nor this one, though the house confirmed it
  await told.becomes('confirmed');
  const checkpoint = path.join(stage.safe, 'checkpoint');
  const records = await house.records();
  await sleep(1500);
  await cp(path.join(house.var, 'ledger/public/checkpoint'), checkpoint);
  await house.must('down');
  await rm(house.var, { recursive: true });
  const refused = await house.run('restore', stage.dir);
  assert.equal(refused.code, 1, 'without the key');
  assert.match(refused.stderr, /backup\.key/);
  const said = await house.must('restore', stage.dir, ...keyOption(), '--checkpoint', checkpoint);
  assert.match(said, new RegExp(stage.last));
  assert.match(said, /ATTENTION: the ledger is shorter/);
  assert.match(said, /closed by the brake/);
  await stage.provider.control({ down: true });
  await house.must('up', '--detach', '--profile', 'test');
  await resume(house);
  await sleep(1500);
  assert.equal(await payOpen(house), false, 'closed while the provider was not asked');
  const waiting = new Customer(house);
  await waiting.hold(four);
  await waiting.travellers();
  await assert.rejects(waiting.toProvider(), /503|no form|303 to .*\/pay,/, 'the shop sends nobody to pay');
  await stage.provider.control({ down: false });
  const done = await house.recordOf('PAY_RECONCILED');
  await waitFor('payments to open', () => payOpen(house));
  for (const c of [...stage.before, ...stage.during]) assert.equal(await c.state(), 'confirmed', 'paid before the backup');
  await early.becomes('confirmed');
  await held.becomes('confirmed');
  await waitFor('the money of lost bookings to go back', async () => (await stage.provider.counts()).refunded >= 2);
  const now = await house.records();
  const alarms = now.filter((r) => r.type === 'ALARM' && facts(r).what === 'payment_of_unknown_booking');
  assert.deepEqual(alarms.map((r) => r.parent).sort(), [lost.booking, told.booking].sort(), 'both captures without a booking were found');
  assert.ok(now.findIndex((r) => r.seq === done.seq) > 0);
  assert.equal(now.filter((r) => r.type === 'RESTORED').length, 1);
  const gap = now.find((r) => r.type === 'GAP' && facts(r).why === 'restore');
  assert.ok(gap && Number(facts(gap).lost) > 0 && Number(facts(gap).lost) <= records.length, 'the loss is on record');
  assert.equal((await paidNew(house, two)), 'confirmed', 'the shop sells again');
});

async function paidNew(house, departure) {
  const c = await paid(house, departure);
  await c.becomes('confirmed');
  return c.state();
}

file.scene('the ledger of the new epoch: verified from the old key on, and by the old checkpoint as cut', async ({ house }) => {
  const verify = (...args) => {
    try {
      return { code: 0, out: execFileSync(path.join(HOUSE_TREE, 'build/ledger/verify/ledger-verify'), [...args, path.join(house.var, 'ledger')], { encoding: 'utf8' }) };
    } catch (error) {
      return { code: error.status, out: error.stdout };
    }
  };
  assert.equal(verify().code, 0);
  const [old] = (await readFile(path.join(house.var, 'ledger/public/epochs'), 'utf8')).split('\n');
  const oldKey = path.join(stage.safe, 'old.vkey');
  await writeFile(oldKey, `${old}\n`);
  assert.equal(verify('--key', oldKey).code, 0, 'the old key leads to the new one');
  const cut = verify('--checkpoint', path.join(stage.safe, 'checkpoint'));
  assert.equal(cut.code, 2);
  assert.match(cut.out, /lost in a restore/);
});

file.scene('a place that is not empty is left alone; --force moves it aside, its ledger and its brake go on', async ({ house }) => {
  await house.must('brake', 'payments', 'stop', '--reason', 'pressed after the backup');
  const stopped = (await house.run('brake', 'status')).stdout.match(/generation (\d+)/)[1];
  await sleep(1500);
  await house.must('down');
  const size = (await house.records()).length;
  const no = await house.run('restore', stage.dir, ...keyOption());
  assert.equal(no.code, 1);
  assert.match(no.stderr, /not empty/);
  const said = await house.must('restore', stage.dir, ...keyOption(), '--force');
  const aside = said.match(/now at (\S+)/)[1];
  assert.ok((await readdir(aside)).includes('ledger'), 'what was there is there still');
  assert.ok(!/ATTENTION/.test(said), 'no record is lost: the ledger survived');
  await house.must('up', '--detach', '--profile', 'test');
  assert.ok((await house.records()).length > size, 'the longer ledger goes on');
  const board = (await house.run('brake', 'status')).stdout;
  assert.match(board, /payments +closed/);
  assert.ok(Number(board.match(/generation (\d+)/)[1]) >= Number(stopped), board);
  await rm(aside, { recursive: true });
});

file.scene('the newest whole one is taken when the newest is damaged; a named one is not replaced', async ({ house }) => {
  await house.must('down');
  const all = await backups();
  const copy = await mkdtemp(path.join(os.tmpdir(), 'sekisho-copy-'));
  await cp(stage.dir, copy, { recursive: true });
  await flip(path.join(copy, all.at(-1)), 5000);
  await rm(house.var, { recursive: true });
  const named = await house.run('restore', copy, all.at(-1), ...keyOption());
  assert.equal(named.code, 1);
  assert.match(named.stderr, /altered/);
  await assert.rejects(stat(house.var), 'nothing was put in place');
  const got = await house.run('restore', copy, ...keyOption());
  assert.equal(got.code, 0, got.stderr);
  assert.match(got.stderr, new RegExp(`${all.at(-1)}.*altered`));
  assert.match(got.stdout, new RegExp(all.at(-2)));
  await house.must('up', '--detach', '--profile', 'test');
  await rm(copy, { recursive: true });
});

file.scene('all is put away', async () => {
  await stage.provider.stop();
  for (const dir of [stage.dir, stage.safe]) await rm(dir, { recursive: true });
});

await file.play();
