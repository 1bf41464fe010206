// Broken disks, full disks, rooms that stand still, clocks that jump, and a room that was taken over and turns on the
// others. Each time: the customer is told clearly, the health page tells the truth, nothing personal is shown without
// a durable intent, all is right again right after the fault is mended, and nothing that anybody was told is lost.
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import net from 'node:net';
import os from 'node:os';
import path from 'node:path';
import { House, facts, sleep, waitFor } from './lib/house.mjs';
import { Skip, scenes } from './lib/scene.mjs';
import { intentsHold } from './lib/story.mjs';
import { typedPerson } from './lib/typed.mjs';
import { Visitor, rows, tool, toolPath, toolStart } from './lib/tool.mjs';

const SIGTERM = 15, SIGCONT = 18, SIGSTOP = 19;
const NAME = '関所 花子'; // whom the visitor travels as (bench/load/shopper.c)
const HOLD_END_S = 46 * 60;
typedPerson({ name: NAME, kana: 'セキショ ハナコ', phone: '090-1234-5678', address: '北海道札幌市中央区北一条西二丁目' }); // searched for in all that the house wrote

const dir = await mkdtemp(path.join(os.tmpdir(), 'sekisho-faults-'));
const board = path.join(dir, 'board'), journal = path.join(dir, 'journal');
await tool('faults/house-faults', [board]);
const env = { SEKISHO_TEST_PRELOAD: toolPath('faults/libfault_shim.so'), SEKISHO_TEST_SHARED: board };
const file = scenes('faults', { browser: false, house: { env } });

async function faults(...words) {
  const got = await tool('faults/house-faults', [board, ...words]);
  assert.equal(got.code, 0, got.err);
  return rows(got.out);
}

const on = (pattern, calls, error, skip = 0, times = 0) => faults('on', pattern, calls, error, skip, times);
// The rule's counts: a fault that nobody met proves nothing.
async function off() {
  const [rule] = await faults('off');
  assert.ok(rule.failed > 0, `the fault was met: ${JSON.stringify(rule)}`);
}

const BOUND = { every: 200, timeout: Number(process.env.FAULTS_BOUND_S ?? 60) * 1000 };
const healthy = (house) => waitFor('the house to be well', async () => (await house.health()).status === 200, BOUND);
const ill = (house, fits) => waitFor('the health page to say it', async () => {
  const got = await house.health();
  return got.status === 503 && fits(got) ? got : null;
}, BOUND);
const partOf = (health, name) => health.rooms.find((room) => room.name === name);

// Whatever the house's health is.
const statusOf = async (house) => JSON.parse((await house.run('status', '--json')).stdout);

// A page that says it did not work: a server's error in whole, with nothing personal.
async function refusedClearly(visitor, answer) {
  assert.equal(answer.ok, false, JSON.stringify(answer));
  assert.equal(answer.fault, 'status', `an answer, not silence: ${JSON.stringify(answer)}`);
  assert.ok([500, 502, 503, 504, 507].includes(answer.status), JSON.stringify(answer));
  assert.equal((await visitor.do('has </html>')).ok, true, 'a whole page');
  assert.equal((await visitor.do('has <h1')).ok, true, 'with words');
  assert.equal((await visitor.do(`has ${NAME}`)).ok, false, 'nothing personal on it');
}

const PAID = ['fresh', 'hold', 'travellers', 'consent', 'pay'];

async function becomesConfirmed(visitor) {
  await waitFor('the booking to be confirmed', async () => (await visitor.do('state')).state === 'confirmed', { every: 150 });
}

async function wholeWay(house) {
  await healthy(house);
  const visitor = new Visitor(house);
  await visitor.must(...PAID);
  await becomesConfirmed(visitor);
  assert.equal((await visitor.do(`has ${NAME}`)).ok, true, 'and shows whose it is');
  visitor.end();
}

file.scene('all is well: customers walk and note what they are told', async ({ house }) => {
  const walkers = toolStart('faults/house-walkers', [house.var, house.port, 2, 100, journal]);
  await sleep(1500);
  walkers.child.kill('SIGTERM');
  const got = await walkers.done;
  assert.equal(got.code, 0, got.err);
  assert.ok(rows(got.out)[0].confirmed > 0, got.out);
  await wholeWay(house);
});

// ---- EIO and ENOSPC, file by file ----

for (const error of ['EIO', 'ENOSPC']) {
  file.scene(`the shop's disk gives ${error}: no hold, a clear page, the truth about bookings`, async ({ house }) => {
    const visitor = new Visitor(house);
    await visitor.must('fresh', 'hold', 'travellers');
    await on('*/shop/shop.db*', 'wsa', error);
    try {
      const other = new Visitor(house);
      await refusedClearly(other, await other.do('hold'));
      await refusedClearly(visitor, await visitor.do('consent'));
      other.end();
      const health = await ill(house, (got) => got.bookings === false);
      assert.equal(partOf(health, 'database').ok, false);
    } finally {
      await off();
    }
    await healthy(house);
    visitor.end();
    await wholeWay(house);
  });
}

for (const error of ['EIO', 'ENOSPC']) {
  file.scene(`the vault's disk gives ${error}: nobody's data is taken, what was sealed stays readable`, async ({ house }) => {
    const paid = new Visitor(house), visitor = new Visitor(house);
    await paid.must(...PAID);
    await becomesConfirmed(paid);
    await visitor.must('fresh', 'hold');
    await on('*/vault/*', 'wsa', error);
    try {
      const answer = await visitor.do('travellers');
      assert.equal(answer.ok, false, JSON.stringify(answer));
      assert.notEqual(answer.fault, 'unanswered');
      assert.equal((await visitor.do('has </html>')).ok, true);
      await ill(house, (got) => partOf(got, 'vaultd').ok === false && got.bookings === false);
      await paid.must('state', `has ${NAME}`);
    } finally {
      await off();
    }
    await house.signal('vault', SIGTERM); // it looks at the disk anew: after a failed flush nothing else is the truth
    await healthy(house);
    await paid.must('state', `has ${NAME}`);
    paid.end();
    visitor.end();
    await wholeWay(house);
  });
}

for (const error of ['EIO', 'ENOSPC']) {
  file.scene(`payd's disk gives ${error}: no payment begins, and it does when the disk is mended`, async ({ house }) => {
    const visitor = new Visitor(house);
    const before = (await house.providerCounts()).captured;
    await visitor.must('fresh', 'hold', 'travellers');
    await on('*/pay/pay.db*', 'wsa', error);
    try {
      const answer = await visitor.do('consent');
      assert.equal(answer.ok, false, JSON.stringify(answer));
      assert.notEqual(answer.fault, 'unanswered');
      await ill(house, (got) => got.payments === false && partOf(got, 'payd').ok === false);
    } finally {
      await off();
    }
    await healthy(house);
    visitor.end();
    assert.equal((await house.providerCounts()).captured, before, 'nobody paid meanwhile');
    await wholeWay(house);
  });
}

file.scene('the record\'s disk fails at fdatasync: nothing is shown or booked until a restart has looked at the disk', async ({ house }) => {
  const paid = new Visitor(house);
  await paid.must(...PAID);
  await becomesConfirmed(paid);
  assert.equal((await paid.do(`has ${NAME}`)).ok, true);
  await on('*/ledger/log/*', 's', 'EIO', 0, 1);
  const other = new Visitor(house);
  await refusedClearly(other, await other.do('hold'));
  await off();
  const health = await ill(house, (got) => got.personal_data_shown === false && got.bookings === false);
  assert.equal(partOf(health, 'ledgerd').ok, false);
  await paid.must('state');
  assert.equal((await paid.do(`has ${NAME}`)).ok, false, 'no intent, no name');
  assert.equal((await paid.do('has href="/health"')).ok, true, 'and the page says so');
  await house.signal('ledger', SIGTERM);
  await healthy(house);
  await paid.must('state', `has ${NAME}`);
  paid.end();
  other.end();
  await wholeWay(house);
});

file.scene('the record\'s disk refuses what was set aside on it: nothing is acknowledged until a restart', async ({ house }) => {
  const paid = new Visitor(house);
  await paid.must(...PAID);
  await becomesConfirmed(paid);
  await on('*/ledger/*', 'wa', 'ENOSPC');
  try {
    await ill(house, (got) => got.personal_data_shown === false && partOf(got, 'ledgerd').ok === false);
    assert.equal((await paid.do('record 1 100')).done, 0);
    const other = new Visitor(house);
    await refusedClearly(other, await other.do('hold'));
    other.end();
    await paid.must('state');
    assert.equal((await paid.do(`has ${NAME}`)).ok, false, 'no intent, no name');
  } finally {
    await off();
  }
  await house.signal('ledger', SIGTERM); // a full disk, where a restart is not needed: see below
  await healthy(house);
  await paid.must('state', `has ${NAME}`);
  paid.end();
});

// ---- a room stands still (the record room: record.test.mjs) ----

file.scene('vaultd stands still: pages come without the people, in bounded time', async ({ house }) => {
  const paid = new Visitor(house);
  await paid.must(...PAID);
  await becomesConfirmed(paid);
  await house.signal('vault', SIGSTOP);
  try {
    await ill(house, (got) => got.personal_data_shown === false && partOf(got, 'vaultd').ok === false);
    await paid.must('state');
    assert.equal((await paid.do(`has ${NAME}`)).ok, false);
    assert.equal((await paid.do('has href="/health"')).ok, true, 'and say why');
  } finally {
    await house.signal('vault', SIGCONT);
  }
  await healthy(house);
  await paid.must('state', `has ${NAME}`);
  paid.end();
});

file.scene('payd stands still: the customer is told in bounded time, her seats are kept, she pays later', async ({ house }) => {
  const visitor = new Visitor(house);
  await visitor.must('fresh', 'hold', 'travellers');
  await house.signal('pay', SIGSTOP);
  try {
    const answer = await visitor.do('consent');
    assert.equal(answer.ok, false, JSON.stringify(answer));
    assert.notEqual(answer.fault, 'unanswered');
    const health = await ill(house, (got) => got.payments === false);
    assert.equal(health.bookings, true, 'seats are still given');
    assert.match((await visitor.must('state')).state, /awaiting|ready/);
  } finally {
    await house.signal('pay', SIGCONT);
  }
  visitor.end();
  await wholeWay(house);
});

// ---- the clock ----

file.scene('the clock jumps: ahead ends holds and nothing else, back harms nothing', async ({ house }) => {
  const paid = new Visitor(house), open = new Visitor(house);
  await paid.must(...PAID);
  await becomesConfirmed(paid);
  await open.must('fresh', 'hold', 'travellers');
  await house.step(HOLD_END_S);
  await waitFor('the hold to end', async () => (await open.do('state')).state === 'expired', { every: 150 });
  assert.equal((await paid.must('state')).state, 'confirmed');
  await wholeWay(house);
  await house.step(-2 * HOLD_END_S);
  await wholeWay(house);
  assert.equal((await paid.must('state')).state, 'confirmed');
  await house.step(HOLD_END_S);
  await wholeWay(house);
  assert.match(await house.must('ledger', 'verify'), /\bok\b/i);
  paid.end();
  open.end();
});

// ---- a room that was taken over ----

const PER_ROOM = { ledger: 128, vault: 64, pay: 64 }; // connections of one room that a server keeps
const ATTACKS = ['half', 'giant', 'versions', 'kinds', 'bodies', 'flood', 'many', 'early'];
const pidsOf = (status) => Object.fromEntries(status.rooms.map((room) => [room.name, room.pid]));

for (const [room, servers] of [['shop', ['ledger', 'vault', 'pay']], ['pay', ['vault']], ['guard', ['ledger']]]) {
  file.scene(`${room} turns on ${servers.join(', ')}: they stand, and all others are served`, async ({ house }) => {
    await healthy(house);
    const before = pidsOf(await house.json('status'));
    for (const server of servers) {
      const seen = [];
      for (const attack of room === 'shop' ? ATTACKS : ['bodies', 'flood']) {
        const seed = Date.now() % 1e6;
        const got = await tool('faults/house-hostile', [house.var, room, server, attack, seed]);
        assert.equal(got.code, 0, got.err);
        const made = rows(got.out)[0];
        seen.push(made);
        assert.ok(made.sent > 0, `${attack} was made: ${got.out}`);
        assert.equal(pidsOf(await statusOf(house))[server], before[server], `${server} after ${attack} (seed ${seed})`);
      }
      const many = seen.find((made) => made.attack === 'many');
      if (many) assert.ok(many.silent_left === 0 && many.held > 0 && many.held <= PER_ROOM[server], `a crowd has a bound: ${JSON.stringify(many)}`);
    }
    await healthy(house);
    assert.deepEqual(pidsOf(await house.json('status')), before, 'nobody died');
    await wholeWay(house);
  });
}

file.scene('while shop\'s connections are all taken, other rooms are served by the record', async ({ house }) => {
  const crowd = toolStart('faults/house-hostile', [house.var, 'shop', 'ledger', 'many']);
  let crowded = false;
  const ended = crowd.done.then(() => { crowded = true; });
  const visitor = new Visitor(house);
  let answered = 0;
  while (!crowded) answered += (await visitor.do('record 5 100')).done;
  await ended;
  assert.ok(answered > 0, 'records of another room were taken meanwhile');
  visitor.end();
  await wholeWay(house);
});

// ---- a disk that is really full ----

async function smallDisk(house) {
  execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=48m,mode=755', 'sekisho-small', house.var]);
  await mkdir(path.join(house.var, 'etc'));
  await writeFile(path.join(house.var, 'etc/ledger.ini'), '[log]\npiece_mib = 1\n');
}

function canMount() {
  try {
    execFileSync('mount', ['-t', 'tmpfs', 'sekisho-small', dir], { stdio: 'ignore' });
    execFileSync('umount', [dir]);
    return true;
  } catch {
    return false;
  }
}

file.scene('the whole disk is full: everything says so, and goes on when there is space', async () => {
  if (!canMount()) throw new Skip('a small disk needs root and leave to mount');
  const house = await House.start({ prepare: smallDisk });
  const filler = path.join(house.var, 'filler');
  try {
    await wholeWay(house);
    const paid = new Visitor(house);
    await paid.must(...PAID);
    await becomesConfirmed(paid);
    try {
      execFileSync('dd', ['if=/dev/zero', `of=${filler}`, 'bs=64k'], { stdio: 'ignore' });
    } catch { /* it ends when the disk is full: that is what it is for */ }
    await paid.do('record 2000 8000'); // what the log had in reserve
    const refused = await paid.do('record 1 8000');
    assert.equal(refused.done, 0, 'nothing is acknowledged that has no place');
    const health = await ill(house, (got) => got.bookings === false && got.personal_data_shown === false);
    assert.equal(health.payments, false);
    const other = new Visitor(house);
    await refusedClearly(other, await other.do('hold'));
    await paid.must('state');
    assert.equal((await paid.do(`has ${NAME}`)).ok, false, 'no intent, no name');
    await rm(filler);
    await healthy(house);
    await paid.must('state', `has ${NAME}`);
    paid.end();
    other.end();
    await wholeWay(house);
    assert.match(await house.must('ledger', 'verify'), /\bok\b/i);
  } finally {
    await house.stop({ keep: true });
    execFileSync('umount', ['-l', house.var]);
    await rm(house.var, { recursive: true, force: true });
  }
});

// ---- another program has the port ----

file.scene('another program answers on the front\'s port: the house does not call itself ready', async () => {
  let squatter;
  await assert.rejects(House.start({
    watched: false,
    prepare: (house) => new Promise((done) => {
      squatter = net.createServer((socket) => socket.end()).listen(house.port, '127.0.0.1', done);
    }),
  }), /the house does not come up/);
  await new Promise((done) => squatter.close(done));
});

// ---- and in the end ----

file.scene('nothing that anybody was told is lost, and the record holds', async ({ house }) => {
  await house.step(HOLD_END_S);
  await waitFor('all holds to end', async () => {
    const dump = await house.must('ledger', 'verify', '--json', '--dump');
    const got = await tool('faults/house-judge', [house.var, journal], { input: dump });
    assert.equal(got.code, 0, got.err);
    const verdict = rows(got.out)[0];
    const lost = Object.entries(verdict).filter(([key, value]) => /_lost$|^unseated$|^leaked/.test(key) && value !== 0);
    return verdict.overdue === 0 && lost.length === 0 ? verdict : Promise.reject(new Error(JSON.stringify(verdict)));
  }, { every: 1000, timeout: 30_000 });
  const records = await house.records();
  intentsHold(records);
  for (const gap of records.filter((r) => r.type === 'GAP')) {
    assert.ok(facts(gap).why, 'every gap has its reason');
  }
  const verdict = JSON.parse((await house.must('ledger', 'verify', '--json')).trim().split('\n').at(-1));
  assert.equal(verdict.fault_count, 0, JSON.stringify(verdict.faults));
});

await file.play();
await rm(dir, { recursive: true, force: true });
