// The leak drill: a thief with valid sessions takes data for a while among ordinary customers. What he himself wrote down
// is the truth; one command must give it back.
import assert from 'node:assert/strict';
import { readFile, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { Customer, SoldOut, departuresOf } from './lib/customer.mjs';
import { facts, request, sleep, waitFor } from './lib/house.mjs';
import { scenes } from './lib/scene.mjs';

const file = scenes('leak', { browser: false });
const THIEF = '127.0.0.66';
const VICTIMS = 12, OTHERS = 10;
const stage = {};

const iso = (date) => date.toISOString();
const shows = (html, person) => [person.email, person.name, person.kana].some((value) => html.includes(value));

async function paid(house, departures) {
  const customer = new Customer(house);
  for (const departure of departures) {
    const got = await customer.book(departure).catch((error) => { if (!(error instanceof SoldOut)) throw error; });
    if (got) break;
  }
  assert.ok(customer.session, 'seats somewhere');
  await customer.act('success');
  await customer.becomes('confirmed');
  return customer;
}

// A request from the thief's own address with a cookie that he stole.
const steal = (house, customer, target) => request(house.port, 'shop.localhost', { target, from: THIEF,
  headers: { 'Accept-Language': 'ja', Cookie: [...customer.cookies].map(([name, value]) => `${name}=${value}`).join('; ') } });

async function sealed(house) {
  const size = (await house.records()).length;
  await waitFor('all of it to be sealed', async () => {
    const out = await house.json('timeline', '--from', iso(new Date(Date.now() + 3600_000)));
    return out.rests_on.records >= size;
  }, { every: 300 });
}

const subjects = (list) => new Set(list.map((row) => row.subject));
const leak = async (house, ...words) => {
  const started = Date.now();
  const out = await house.json('leak', '--from', iso(stage.from), '--to', iso(stage.to), ...words);
  out.seconds = (Date.now() - started) / 1000;
  return out;
};

file.scene('a thief with stolen sessions takes what he can, among ordinary customers', async ({ house }) => {
  const departures = await departuresOf(house);
  assert.ok(departures.length > 0);
  const victims = [];
  for (let i = 0; i < VICTIMS; i++) victims.push(await paid(house, departures.slice(i % departures.length)));
  await sleep(1100); // the thief's time begins in a second of its own
  stage.from = new Date();
  stage.truth = new Set(); // bookings of those whose data stood in a page that the thief got
  const thief = (async () => {
    for (const [i, victim] of victims.entries()) {
      if (i % 4 === 3) continue; // he has not got to all of them
      const got = await steal(house, victim, `/bookings/${victim.booking}`);
      if (shows(got.body.toString(), victim.person)) stage.truth.add(victim.booking);
      // a booking that is not of this session: nothing is shown
      const other = victims[(i + 3) % VICTIMS];
      const refused = await steal(house, victim, `/bookings/${other.booking}`);
      assert.equal(shows(refused.body.toString(), other.person), false);
      await steal(house, victim, '/tours');
    }
  })();
  const ordinary = Promise.all(Array.from({ length: OTHERS }, async (_, i) => {
    const customer = await paid(house, departures.slice((i + 1) % departures.length));
    await customer.get(`/bookings/${customer.booking}`);
    return customer;
  }));
  const owners = Promise.all(victims.map((victim) => victim.get(`/bookings/${victim.booking}`)));
  await Promise.all([thief, ordinary, owners]);
  stage.to = new Date(Date.now() + 1000);
  stage.victims = victims;
  assert.ok(stage.truth.size >= VICTIMS / 2, `he got ${stage.truth.size}`);
  await sealed(house);
  // Who booked what, by another way than the one under test: consent names booking and customer.
  const records = await house.records();
  stage.subjectOf = new Map(records.filter((r) => r.type === 'CONSENT').map((r) => [r.object, r.subject]));
  stage.wanted = new Set([...stage.truth].map((booking) => stage.subjectOf.get(booking)));
  assert.ok(!stage.wanted.has(undefined) && stage.wanted.size === stage.truth.size);
});

file.scene('one command names them: precision of certain 100 %, recall 100 %, at most 5 % more, under a minute', async ({ house }) => {
  const out = await leak(house, '--ip', THIEF);
  const certain = subjects(out.certain);
  const all = new Set([...certain, ...subjects(out.possible)]);
  for (const subject of certain) assert.ok(stage.wanted.has(subject), `${subject} was not taken`);
  for (const subject of stage.wanted) assert.ok(all.has(subject), `${subject} is missing`);
  assert.ok(all.size <= stage.wanted.size * 1.05, `${all.size} of ${stage.wanted.size}`);
  assert.equal(out.answer, 'listed');
  assert.ok(out.seconds < 60, `${out.seconds} s`);
  console.log(`      ${certain.size} certain, ${all.size - certain.size} possible of ${stage.wanted.size} taken, in ${out.seconds} s`);
  // by which path, when
  for (const reveal of out.reveals) {
    assert.equal(reveal.path, 'GET /bookings/:id');
    assert.ok(new Date(reveal.time) >= stage.from && new Date(reveal.time) <= stage.to);
  }
  stage.address = out.reveals[0].address;
  stage.actor = out.reveals[0].actor;
  stage.first = out.reveals[0];
});

file.scene('by actor, by request; without terms all who were shown anything; an address that did nothing has nothing', async ({ house }) => {
  const actor = await leak(house, '--actor', stage.actor);
  assert.deepEqual([...subjects(actor.certain)], [stage.first.subject]);
  const one = await leak(house, '--request', stage.first.request);
  assert.deepEqual([...subjects(one.certain)], [stage.first.subject]);
  const everybody = subjects((await leak(house)).certain);
  for (const subject of stage.wanted) assert.ok(everybody.has(subject));
  assert.ok(everybody.size > stage.wanted.size);
  const nobody = await leak(house, '--ip', '127.0.0.67');
  assert.equal(nobody.certain.length + nobody.possible.length, 0);
  assert.match(nobody.answer, /^none/);
});

file.scene('a host that was compromised: all, never none', async ({ house }) => {
  for (const host of ['vault', 'host', 'ledger']) { // a shop: hijack.test.mjs
    const out = await leak(house, '--ip', '127.0.0.67', '--compromised', host);
    assert.equal(out.answer, 'all');
    for (const subject of stage.subjectOf.values()) assert.ok(subjects(out.possible).has(subject), `${host}: ${subject}`);
    assert.ok(out.boundary.some((row) => row.kind === 'exposure' && row.host === host));
  }
});

file.scene('who saw a customer, the trace of an address, the timeline; in both languages', async ({ house }) => {
  const saw = await house.json('who-saw', stage.first.subject, '--from', iso(stage.from), '--to', iso(stage.to));
  assert.ok(saw.reveals.some((reveal) => reveal.address === stage.address));
  assert.ok(saw.reveals.some((reveal) => reveal.address !== stage.address), 'and the owner herself');
  const trace = await house.json('trace', '--address', stage.address);
  const paths = trace.records.filter((r) => r.type === 'HTTP_REQUEST').map((r) => facts(r).p);
  assert.ok(paths.includes('/bookings/:id') && paths.includes('/tours'));
  assert.ok(trace.records.some((r) => r.type === 'REVEAL_INTENT'), 'what his requests opened is part of the story');
  const timeline = await house.json('timeline', '--from', iso(stage.from), '--to', iso(stage.to));
  assert.ok(timeline.records.some((r) => r.type === 'REVEAL_INTENT'));
  for (const [lang, word] of [['ja', '答え'], ['en', 'Answer']]) {
    const text = await house.must('--lang', lang, 'leak', '--from', iso(stage.from), '--to', iso(stage.to), '--ip', THIEF);
    assert.ok(text.includes(word) && text.includes(stage.first.subject), text);
  }
  for (const words of [['leak', '--from', 'yesterday'], ['leak', '--compromised', 'moon'], ['trace', '--json'], ['who-saw'], ['timeline', '--from', '2026-01-02', '--to', '2026-01-01']]) {
    assert.equal((await house.run(...words)).code, 2, words.join(' '));
  }
});

file.scene('the answer as evidence: it verifies without the house, a changed one does not', async ({ house }) => {
  const bundle = path.join(house.var, 'answer.evidence');
  await leak(house, '--ip', THIEF, '--bundle', bundle);
  const keys = ['--key', path.join(house.var, 'ledger/public/ledger.vkey'), '--signer', path.join(house.var, 'etc/evidence.pub')];
  const good = await house.run('ledger', 'verify', '--bundle', bundle, ...keys, '--json');
  const out = JSON.parse(good.stdout);
  assert.equal(out.verdict, 'ok', out.fault);
  assert.equal(out.certain, stage.wanted.size);
  const bytes = await readFile(bundle);
  for (let i = 0; i < 40; i++) {
    const at = Math.floor((bytes.length * i) / 40);
    const bad = Buffer.from(bytes);
    bad[at] ^= 0x10;
    await writeFile(bundle, bad);
    assert.notEqual((await house.run('ledger', 'verify', '--bundle', bundle, ...keys)).code, 0, `byte ${at}`);
  }
  for (const words of [['who-saw', stage.first.subject], ['trace', '--address', stage.address], ['timeline', '--from', iso(stage.from)]]) {
    await house.must(...words, '--bundle', bundle);
    await house.must('ledger', 'verify', '--bundle', bundle, ...keys);
  }
});

await file.play();
