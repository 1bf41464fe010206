// Sealed evidence: refused card numbers, refused log-ins and attacks are kept, closed with two keys; opened they hold no
// card number and no password; without either key nothing opens; who is erased takes the keys of their sessions along.
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { mkdtemp, readFile, readdir, rename, rm, writeFile } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { personNew } from './lib/booking.mjs';
import { facts, request, sleep, waitFor } from './lib/house.mjs';
import { scenes } from './lib/scene.mjs';

const LONG = process.env.SCENES_LONG === '1';
const MANY = Number(process.env.SCENES_MANY ?? (LONG ? 1000 : 40));
const HOST = 'shop.localhost';
const file = scenes('evidence', { browser: false });

// A browser's session without a browser.
class Visitor {
  constructor(house) { this.house = house; this.cookies = new Map(); }

  async ask(target, body) {
    const headers = { 'Accept-Language': 'ja', Cookie: [...this.cookies].map(([n, v]) => `${n}=${v}`).join('; ') };
    if (body) Object.assign(headers, { 'Content-Type': 'application/x-www-form-urlencoded', Origin: this.house.shop });
    const got = await request(this.house.port, HOST, { method: body ? 'POST' : 'GET', target, headers, body });
    for (const line of got.headers['set-cookie'] ?? []) this.cookies.set(...line.match(/^([^=]+)=([^;]*)/).slice(1));
    return { ...got, text: got.body.toString() };
  }

  async form(target, values) {
    if (!this.csrf) this.csrf = (await this.ask(target)).text.match(/name="csrf" value="([^"]+)"/)[1];
    return this.ask(target, new URLSearchParams({ csrf: this.csrf, ...values }).toString());
  }
}

// A card number of our own with a right check digit.
function cardNew(i) {
  const digits = [...`4${String(98_765_432_101 + i * 104_729).padStart(14, '0')}`].map(Number);
  const sum = digits.reduce((n, d, k) => n + (k % 2 ? d : d * 2 > 9 ? d * 2 - 9 : d * 2), 0);
  return digits.join('') + ((10 - (sum % 10)) % 10);
}

const cards = Array.from({ length: MANY }, (_, i) => cardNew(i));
const passwords = Array.from({ length: MANY }, (_, i) => `typed-by-hand-${i}-${(i * 7919).toString(36)}`);
const listed = (house) => house.json('evidence', 'list');

async function opened(house, ...args) {
  const dir = await mkdtemp(path.join(os.tmpdir(), 'evidence-'));
  const got = await house.run('evidence', 'open', ...args, '--by', 'tester', '--ref', 'case-1', '--out', dir);
  const texts = new Map();
  for (const name of await readdir(dir)) texts.set(Number(name.split('-')[0]), await readFile(path.join(dir, name), 'utf8'));
  await rm(dir, { recursive: true });
  return { ...got, texts };
}

file.scene(`${MANY} refused card numbers and ${MANY} refused log-ins are kept, none in full`, async ({ house }) => {
  const visitor = new Visitor(house);
  for (let i = 0; i < MANY; i++) {
    const n = cards[i];
    const typed = i % 3 === 0 ? n : i % 3 === 1 ? n.replace(/(.{4})(?=.)/g, '$1 ') : [...n].map((d) => String.fromCodePoint(0xff10 + Number(d))).join('');
    const got = i % 4 === 3
      ? await visitor.form('/login', { email: n.slice(0, 4), a: n.slice(4, 8), b: n.slice(8, 12), c: n.slice(12), password: passwords[i] })
      : await visitor.form('/login', { email: `x${i}@example.com`, password: passwords[i], note: `番号 ${typed} です` });
    assert.equal(got.status, 422, `card ${i}`);
    const login = await visitor.form('/login', { email: `guess${i}@example.com`, password: passwords[i] });
    assert.ok(login.status === 422 || login.status === 429, `log-in ${i}: ${login.status}`);
    assert.equal(login.headers['x-sekisho-keep'], undefined, 'the room asks the guard, not the browser');
  }
  const rows = await waitFor('all evidence on record', async () => {
    const all = await listed(house);
    const of = (why) => all.filter((row) => row.facts.includes(`why=${why} `)).length;
    return of('card') === MANY && of('login') === MANY ? all : null;
  });
  assert.ok(rows.every((row) => row.room === 'guard' && /month=\d{4}-\d\d slot=\d+/.test(row.facts)));
  const all = await opened(house, '--all');
  assert.equal(all.code, 0, all.stderr);
  assert.equal(all.texts.size, 2 * MANY);
  const text = [...all.texts.values()].join('\n').normalize('NFKC');
  const bare = decodeURIComponent(text.replaceAll('+', ' ').replace(/%(?![0-9a-f]{2})/gi, '%25')).normalize('NFKC').replace(/[\s-]/g, '');
  for (let i = 0; i < MANY; i++) {
    assert.ok(!bare.includes(cards[i]) && !text.includes(cards[i]), `card ${i}`);
    assert.ok(!text.includes(passwords[i]), `password ${i}`);
  }
  assert.ok(text.includes('guess4%40example.com') && text.includes('client: 127.0.0.1'), 'what is no secret is there');
  for (const value of new Set([visitor.csrf, ...visitor.cookies.values()])) {
    assert.ok(value.length < 8 || !text.includes(value), 'no cookie, no token');
  }
});

file.scene('each opening is on the record of the request it is of', async ({ house }) => {
  const [row] = await listed(house);
  const before = (await house.trace('request', row.request)).filter((r) => r.type === 'EVIDENCE_OPENED').length;
  const one = await opened(house, '--request', row.request);
  assert.equal(one.code, 0, one.stderr);
  assert.equal(one.texts.size, 1);
  const after = (await house.trace('request', row.request)).filter((r) => r.type === 'EVIDENCE_OPENED');
  assert.equal(after.length, before + 1);
  const told = facts(after.at(-1));
  assert.deepEqual([told.by, told.ref, told.what], ['tester', 'case-1', 'evidence']);
});

file.scene('without the investigator\'s key, without the vault, without the record: nothing', async ({ house }) => {
  const key = path.join(house.var, 'offline/investigator.key');
  const [row] = await listed(house);
  await rename(key, `${key}.away`);
  const none = await opened(house, '--request', row.request);
  assert.deepEqual([none.code, none.texts.size], [1, 0]);
  const other = path.join(os.tmpdir(), `other-${process.pid}.key`);
  await writeFile(other, `x25519-secret ${'17'.repeat(32)}\n`);
  const wrong = await opened(house, '--request', row.request, '--key', other);
  assert.deepEqual([wrong.code, wrong.texts.size], [1, 0]);
  await rm(other);
  await rename(`${key}.away`, key);
  const openings = async () => (await house.records()).filter((r) => r.type === 'EVIDENCE_OPENED').length;
  const before = await openings();
  await house.signal('vault', 19);
  const alone = await opened(house, '--request', row.request);
  assert.deepEqual([alone.code, alone.texts.size], [1, 0]);
  await house.signal('vault', 18);
  await waitFor('the vault works on what had waited', async () => (await house.health()).status === 200);
  await sleep(300);
  const between = await openings(); // the vault may have recorded what it was asked before it stood still
  await house.signal('ledger', 19);
  const silent = await house.run('evidence', 'open', '--request', row.request);
  assert.equal(silent.code, 1);
  await house.signal('ledger', 18);
  assert.ok(between - before <= 1);
  const again = await opened(house, '--request', row.request);
  assert.equal(again.code, 0, again.stderr);
});

file.scene('an attack is kept; who is erased takes the keys of their sessions along', async ({ house }) => {
  const attack = async (visitor) => {
    const got = await visitor.ask(`/tours?q=${encodeURIComponent("' UNION SELECT password FROM account--")}`);
    assert.equal(got.status, 403);
  };
  const person = personNew('ja');
  const one = new Visitor(house), two = new Visitor(house);
  const made = await one.form('/register', { name: person.name, kana: person.kana, email: person.email, phone: person.phone, password: 'a quiet long road' });
  assert.equal(made.status, 303, made.text.slice(0, 2000));
  await one.ask('/my');
  await attack(one);
  await two.ask('/login');
  await attack(two);
  const rows = await waitFor('both attacks kept', async () => {
    const found = (await listed(house)).filter((row) => row.facts.startsWith('why=rule ') && row.facts.includes(' ses='));
    return found.length >= 2 ? found.slice(-2) : null;
  });
  const before = await opened(house, '--request', rows[0].request);
  assert.match([...before.texts.values()][0], /GET \/tours\?q=.*UNION/);
  await house.step(7200); // the shop slows down whoever fails so often
  const later = new Visitor(house); // whose records name the account
  assert.equal((await later.form('/login', { email: person.email, password: 'a quiet long road' })).status, 303);
  const account = (await house.recordOf('LOGIN_OK', (r) => r.room === 'vault')).object;
  await house.must('hold', 'add', account, '--ref', 'police-1');
  assert.equal((await house.run('erase', account)).code, 1, 'a legal hold wins');
  assert.equal((await opened(house, '--request', rows[0].request)).texts.size, 1);
  await house.must('hold', 'release', account, '--ref', 'police-1');
  const erased = await house.run('erase', account, '--ref', 'wish-1');
  assert.equal(erased.code, 0, erased.stderr);
  const gone = await opened(house, '--request', rows[0].request);
  assert.deepEqual([gone.code, gone.texts.size], [0, 0], gone.stderr);
  assert.match(gone.stderr, /destroyed/);
  const stays = await opened(house, '--request', rows[1].request);
  assert.equal(stays.texts.size, 1, stays.stderr);
  assert.ok((await house.records()).some((r) => r.type === 'EVIDENCE_ERASED' && facts(r).ref === 'wish-1'));
  assert.equal((await house.run('ledger', 'verify')).code, 0, 'every proof holds');
});

file.scene('the tuning ring: recent requests, read by the rules\' own tool, each opening on record', async ({ house }) => {
  const visitor = new Visitor(house);
  for (let i = 0; i < 40; i++) await visitor.ask(`/tours?q=ring-${i}&password=typed-into-a-query`);
  const openings = async () => (await house.records()).filter((r) => r.type === 'EVIDENCE_OPENED' && facts(r).what === 'ring').length;
  const before = await openings();
  const dir = path.join(await mkdtemp(path.join(os.tmpdir(), 'ring-')), 'out');
  const got = await house.run('guard', 'ring', '--out', dir, '--by', 'tester');
  assert.equal(got.code, 0, got.stderr);
  const names = (await readdir(dir)).sort();
  const texts = await Promise.all(names.map((name) => readFile(path.join(dir, name), 'utf8')));
  const of = (text) => names.filter((_, i) => texts[i].includes(text));
  assert.ok(of('q=ring-').length >= 5, `${names.length} requests, one in eight of the ordinary ones`);
  assert.equal(of('typed-into-a-query').length, 0);
  assert.ok((await openings()) > before);
  const attacks = of('UNION');
  assert.ok(attacks.length >= 1, 'what matched is always there');
  const why = await house.run('guard', 'explain', path.join(dir, attacks[0]));
  assert.equal(why.code, 0, why.stderr);
  assert.match(why.stdout, /is refused by rule/);
  const fine = await house.run('guard', 'explain', path.join(dir, of('q=ring-')[0]));
  assert.match(fine.stdout, /The request passes/);
  await house.signal('vault', 19);
  const shut = await house.run('guard', 'ring');
  await house.signal('vault', 18);
  assert.deepEqual([shut.code, shut.stdout], [1, '']);
  await house.step(8 * 86400);
  assert.match((await house.run('guard', 'ring')).stderr, /^0 requests/, 'after seven days none is shown');
  await rm(path.dirname(dir), { recursive: true });
});

file.scene('the ring\'s key of a month that is over is destroyed by policy, on record; an order to preserve stops it', async ({ house }) => {
  const destroyed = async () => (await house.records()).filter((r) => r.type === 'EVIDENCE_ERASED' && facts(r).by === 'policy');
  const held = async () => Number((await house.must('status', '--metrics')).match(/^sekisho_vault_evidence_keys_held_total\S* (\d+)/m)[1]);
  await house.must('ledger', 'hold', '--reason', '保全');
  const before = await held(), already = (await destroyed()).length;
  await house.step(45 * 86400);
  await waitFor('the order to be asked for', async () => (await held()) > before, { every: 500 });
  assert.equal((await destroyed()).length, already);
  const [{ hold }] = JSON.parse(await house.must('ledger', 'holds', '--json')).holds;
  await house.must('ledger', 'release', hold, '--reason', '解除');
  await house.step(2 * 3600);
  const [record] = await waitFor('it to be destroyed', async () => { const all = await destroyed(); return all.length > already ? all : null; }, { every: 500 });
  assert.equal(facts(record).what, 'ring');
  assert.match(facts(record).month, /^\d{4}-\d{2}$/);
  assert.equal((await house.run('ledger', 'verify')).code, 0);
});

await file.play();
