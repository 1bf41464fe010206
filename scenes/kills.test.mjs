// kill -9 of each room at random moments while customers walk and records are made durable: nothing that anybody had
// been told is lost, no seat leaks, and the supervisor has the house healthy again. SCENES_KILLS: kills a room (3;
// `make long`: 200).
import assert from 'node:assert/strict';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { waitFor } from './lib/house.mjs';
import { scenes } from './lib/scene.mjs';
import { intentsHold } from './lib/story.mjs';
import { rows, tool, toolStart } from './lib/tool.mjs';

const file = scenes('kills', { browser: false, house: { watched: false } });
const KILLS = Number(process.env.SCENES_KILLS ?? 3);
const ROUND = 50; // kills a room between two judgements
const ROOMS = ['ledger', 'vault', 'pay', 'shop', 'guard', 'worker'];
const LIMIT_MS = 6000; // issue 3; a test's bound is ten times that, the figure is printed
const HOLD_END_S = 46 * 60;
const CLIENTS = 4;
const NOTHING = { held_lost: 0, paid_lost: 0, confirmed_lost: 0, records_lost: 0, unseated: 0, leaked_seats: 0, overdue: 0 };

const dir = await mkdtemp(path.join(os.tmpdir(), 'sekisho-kills-'));
const journal = path.join(dir, 'journal');

async function judge(house, dump, told = journal) {
  const got = await tool('faults/house-judge', [house.var, told], { input: dump });
  assert.equal(got.code, 0, got.err);
  return rows(got.out)[0];
}

const dumpOf = (house) => house.must('ledger', 'verify', '--json', '--dump');
const losses = (verdict) => Object.fromEntries(Object.keys(NOTHING).map((key) => [key, verdict[key]]));

async function killed(house, kills, seed) {
  const walkers = toolStart('faults/house-walkers', [house.var, house.port, CLIENTS, kills > 5 ? 1500 : 200, journal]);
  const got = await tool('faults/house-killer', [house.var, house.port, seed, kills, kills > 5 ? 1500 : 700, ...ROOMS]);
  walkers.child.kill('SIGTERM');
  const walked = await walkers.done;
  assert.equal(walked.code, 0, walked.err);
  assert.equal(got.code, 0, `healthy again after each kill: ${got.out.slice(-400)}${got.err}`);
  return { kills: rows(got.out).filter((row) => row.room), walked: rows(walked.out)[0] };
}

const all = [];
const scene = KILLS > ROUND ? 'kill -9 under load, long' : 'kill -9 under load';
file.scene(`${scene}: ${KILLS} times each of ${ROOMS.join(', ')}`, async ({ house }) => {
  for (let left = KILLS, seed = Date.now() % 1e6; left > 0; left -= ROUND, seed++) {
    const { kills, walked } = await killed(house, Math.min(left, ROUND), seed);
    all.push(...kills);
    console.log(`      seed ${seed}: ${JSON.stringify(walked)}`);
    assert.ok(walked.held > 0 && walked.paid > 0 && walked.confirmed > 0 && walked.records > 0, 'there was load');
    await house.step(HOLD_END_S);
    const dump = await waitFor('all holds to end and the money to settle', async () => {
      const text = await dumpOf(house);
      const verdict = await judge(house, text);
      return verdict.overdue === 0 && verdict.paid_lost === 0 ? text : null;
    }, { timeout: 120_000, every: 1000 }).catch(() => dumpOf(house));
    const verdict = await judge(house, dump);
    const money = await house.providerCounts();
    console.log(`      ${JSON.stringify(verdict)} provider ${JSON.stringify(money)}`);
    assert.deepEqual(losses(verdict), NOTHING);
    assert.equal(money.captured - money.refunded, verdict.confirmed, 'what the provider took and kept is what is sold');
    assert.equal(verdict.captured_open, verdict.confirmed, 'so says payd');
    intentsHold(rows(dump).filter((row) => row.seq !== undefined));
  }
});

// A start must take nothing that its end does not give back: a house lives for years.
file.scene('the front is killed five times more', async ({ house }) => {
  const got = await tool('faults/house-killer', [house.var, house.port, 1, 5, 20, 'guard']);
  assert.equal(got.code, 0, got.out);
});

file.scene('the house was healthy again each time', async () => {
  for (const room of ROOMS) {
    const took = all.filter((row) => row.room === room).map((row) => row.healthy_ms).sort((a, b) => a - b);
    assert.equal(took.length, KILLS);
    const line = `kills.${room}.healthy_ms n ${took.length} p50 ${took[took.length >> 1]} max ${took.at(-1)}`;
    console.log(`      ${line}${took.at(-1) > LIMIT_MS ? ` (above ${LIMIT_MS})` : ''}`);
    assert.ok(took.at(-1) <= 10 * LIMIT_MS, line);
  }
});

file.scene('the judge would find a loss of each kind', async ({ house }) => {
  const dump = await dumpOf(house);
  const told = await readFile(journal, 'utf8');
  const stranger = 'bcdfghjkmnpqrstvbcdfghjkmnpqrstv';
  const other = path.join(dir, 'other');
  for (const [line, kind] of [[`held ${stranger}`, 'held_lost'], [`paid ${stranger}`, 'paid_lost'],
    [`confirmed ${stranger}`, 'confirmed_lost'], [`record 3 ${stranger}`, 'records_lost']]) {
    await writeFile(other, `${told}${line}\n`);
    assert.deepEqual(losses(await judge(house, dump, other)), { ...NOTHING, [kind]: 1 }, line);
  }
  const record = told.match(/^record (\d+) /m)[1];
  const without = dump.split('\n').filter((line) => !line.startsWith(`{"seq":${record},`)).join('\n');
  assert.notEqual(without.length, dump.length);
  assert.deepEqual(losses(await judge(house, without)), { ...NOTHING, records_lost: 1 }, 'a record that is gone');
});

await file.play();
await rm(dir, { recursive: true, force: true });
