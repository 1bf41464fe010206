// The fee engine against the oracle, line by line. Generator, oracle and the cases by hand are black boxes: only
// format.md is known here. Exit 1 at any difference, and when a planted error is not seen.
//
//   node compare.mjs DRIVER COUNT [PLANTED_DRIVER...]
//
// COUNT random cases in rounds of 20,000, a seed each (FEE_SEED: the first, else 1); each round twice: with the holidays
// of the office definitions, and with the house's own table (then without requests from years of which the
// definitions list no holiday). FEE_SHOW: differences printed (8).
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { isDeepStrictEqual } from 'node:util';

const FEES = path.join(path.dirname(fileURLToPath(import.meta.url)), 'fees');
const ROUND = 20000;
const SHOW = Number(process.env.FEE_SHOW ?? 8);

function run(program, args, input) {
  const got = spawnSync(program, args, { input, maxBuffer: 1 << 30, stdio: ['pipe', 'pipe', 'inherit'] });
  if (got.error) throw got.error;
  assert.equal(got.status, 0, `${path.basename(program)} ${args.join(' ')} ended with ${got.status ?? got.signal}`);
  return got.stdout;
}
const python = (script, args, input) => run('python3', [path.join(FEES, script), ...args], input);
const lines = (bytes) => bytes.toString('utf8').split('\n').filter((line) => line.trim());

// Both answers of one case, where they differ.
function differences(wanted, answers) {
  assert.equal(answers.length, wanted.length, 'one answer a case');
  const found = [];
  wanted.forEach((want, i) => {
    const got = JSON.parse(answers[i]);
    if (!isDeepStrictEqual(got, want)) found.push({ i, want, got });
  });
  return found;
}

function show(cases, found) {
  for (const d of found.slice(0, SHOW)) {
    console.log(`case   ${cases[d.i]}\noracle ${JSON.stringify(d.want)}\nengine ${JSON.stringify(d.got)}\n`);
  }
}

function roundOf(seed, count) {
  const input = python('generate.py', [String(seed), String(count)]);
  const wanted = lines(python('oracle.py', [], input)).map((line) => JSON.parse(line));
  const isOffice = (line) => line.includes('"office_definition"');
  const offices = lines(input).filter(isOffice);
  const cases = lines(input).filter((line) => !isOffice(line));
  assert.equal(cases.length, count, 'the generator made what was asked for');
  assert.equal(wanted.length, count, 'the oracle answered all');
  return { offices, cases, wanted };
}

// The part of a round whose requests lie in years that the definitions have holidays of.
function known({ offices, cases, wanted }) {
  const years = new Set(offices.flatMap((o) => JSON.parse(o).office_definition.national_holidays.map((d) => d.slice(0, 4))));
  const keep = cases.map((line) => { const at = JSON.parse(line).request_at; return at === null || years.has(at.slice(0, 4)); });
  return { offices, cases: cases.filter((_, i) => keep[i]), wanted: wanted.filter((_, i) => keep[i]) };
}

function played(driver, args, { offices, cases, wanted }) {
  const answers = lines(run(driver, args, [...offices, ...cases, ''].join('\n')));
  return { answers, cases, found: differences(wanted, answers) };
}

// One answer of the engine, changed, must be seen: else nothing is compared here.
function comparesAtAll(wanted, answers) {
  const lie = [...answers];
  lie[7] = JSON.stringify({ ...JSON.parse(lie[7]), fee_total: -1 });
  assert.equal(differences(wanted, lie).length, 1, 'a changed answer is seen');
}

function byHand(driver) {
  const hand = JSON.parse(readFileSync(path.join(FEES, 'cases_by_hand.json'), 'utf8'));
  const cases = hand.cases.map((c, i) => JSON.stringify({ ...c.case, id: `hand-${i}` }));
  const input = [...hand.offices.map((o) => JSON.stringify({ office_definition: o })), ...cases].join('\n');
  const wanted = hand.cases.map((c, i) => ({ ...c.expected, id: `hand-${i}` }));
  const found = differences(wanted, lines(run(driver, [], `${input}\n`)));
  show(cases, found);
  assert.ok(cases.length >= 60, 'sixty cases by hand');
  console.log(`by hand: ${cases.length} cases, ${found.length} differences`);
  return found.length;
}

const [driver, count, ...planted] = process.argv.slice(2);
const total = Number(count);
const first = Number(process.env.FEE_SEED ?? 1);
assert.ok(driver && total > 0, 'usage: compare.mjs DRIVER COUNT [PLANTED_DRIVER...]');

let wrong = byHand(driver);
let own = 0;
const caught = new Map(planted.map((p) => [p, 0]));
const days = new Set();
for (let done = 0, seed = first; done < total; done += ROUND, seed++) {
  const whole = roundOf(seed, Math.min(ROUND, total - done));
  const part = known(whole);
  for (const [args, round] of [[[], whole], [['--own-holidays'], part]]) {
    const { answers, cases, found } = played(driver, args, round);
    show(cases, found);
    wrong += found.length;
    if (done === 0 && found.length === 0) comparesAtAll(round.wanted, answers);
  }
  own += part.cases.length;
  for (const line of whole.cases) days.add(JSON.parse(line).departure);
  if (done === 0) {
    for (const p of planted) caught.set(p, played(p, ['--own-holidays'], part).found.length);
  }
}
const sorted = [...days].sort();
console.log(`random: ${total} cases, ${own} of them again with the house's holidays, departures ${sorted[0]} to ${sorted.at(-1)} (${days.size} days)`);
console.log(`differences, cases by hand included: ${wrong}`);
for (const [p, n] of caught) console.log(`planted ${path.basename(p)}: ${n} differences in the first round`);
const unseen = [...caught].filter(([, n]) => n === 0);
process.exitCode = wrong || unseen.length ? 1 : 0;
