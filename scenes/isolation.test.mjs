// The walls between rooms (HOUSE.md, rooms and law 2), tried by a thief: a program under each room's user, and the
// same thief inside the room's own process after its rite. The law is written out here once more, on purpose: the
// rooms' own table (common/io/room.c) is what is judged. Prints room x attempt; the whole table is out/isolation.md.
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { chmod, mkdtemp, rm, writeFile } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { House, HOUSE_TREE, waitFor } from './lib/house.mjs';
import { OUT, Skip, scenes } from './lib/scene.mjs';
import { rows, tool, toolPath } from './lib/tool.mjs';

const LAW = {
  ledger: { calls: [], net: false },
  vault: { calls: ['ledger'], net: false },
  pay: { calls: ['vault', 'ledger'], net: true }, // to the provider
  shop: { calls: ['pay', 'vault', 'ledger'], net: true }, // to the mail server
  guard: { calls: ['ledger'], net: false, http: ['shop', 'pay', 'mailsim'] }, // its listeners are the master's
  paysim: { calls: [], net: true },
  mailsim: { calls: [], net: true },
};
const ROOMS = Object.keys(LAW);
const PUBLIC = ['var', 'etc', 'brake', 'run', 'front', 'sheet']; // everybody's to read, nobody's to write
const SHEET = 'vault'; // but for the sheet of evidence keys, which the vault fills in place (decision 008)
const NET = ['inet socket', 'inet6 socket', 'netlink socket']; // what libcurl and the resolver need
const REFUSALS = ['EACCES', 'EPERM', 'seccomp', 'credentials', 'hello', 'role'];

// What a room may: nothing else may succeed, and all of this must, else the probe was blind.
function mayBe(room, way, { kind, target, what }) {
  const own = target === room || (target === `${room} keys` && room !== 'guard'); // the guard's key is the master's
  if (kind === 'read') return own || PUBLIC.includes(target);
  if (kind === 'write') return own || (target === 'sheet' && room === SHEET);
  if (kind === 'process') return way === 'user' && what === 'kill' && target === (room === 'guard' ? 'worker' : room);
  if (kind === 'socket' && what === 'http') return (LAW[room].http ?? []).includes(target);
  if (kind === 'socket') return what === 'wire' && LAW[room].calls.includes(target);
  return kind === 'call' && LAW[room].net && NET.includes(what);
}

const nameOf = (row) => `${row.kind} ${row.target} ${row.what}`;

// Breaches: what worked and must not. Blind: what must work and did not, or failed for a reason that is no refusal.
function judge(room, way, tries) {
  const breaches = [], blind = [];
  for (const row of tries) {
    const may = mayBe(room, way, row);
    if (row.allowed && !may) breaches.push(nameOf(row));
    if (!row.allowed && may) blind.push(`${nameOf(row)}: ${row.by}`);
    const absent = row.what === 'clone3' && row.by === 'ENOSYS'; // so that libc takes clone(), which can be looked into
    if (!row.allowed && !may && !REFUSALS.includes(row.by) && !absent) blind.push(`${nameOf(row)}: ${row.by}`);
  }
  return { breaches, blind };
}

function everythingWasTried(room, way, tries) {
  const seen = new Set(tries.map((row) => `${row.kind} ${row.target}`));
  const others = ROOMS.filter((other) => other !== room);
  const wanted = [...others.flatMap((other) => [`read ${other}`, `read ${other} keys`, `write ${other}`, `process ${other}`]),
    'read offline', 'read command keys', 'read log', 'read ring', 'write ring', 'write sheet', 'write brake', 'write tree', 'write run', 'process supervisor', 'process worker',
    'socket supervisor', ...['ledger', 'vault', 'pay', 'shop', 'mailsim'].filter((s) => s !== room || way === 'user').map((s) => `socket ${s}`)];
  assert.deepEqual(wanted.filter((name) => !seen.has(name)), [], `${room} (${way}) tried all`);
  if (way === 'sealed') assert.ok(tries.filter((row) => row.kind === 'call').length >= 80, 'the system calls were tried');
}

const dir = await mkdtemp(path.join(os.tmpdir(), 'sekisho-isolation-'));
const shared = path.join(dir, 'plan');
await tool('isolation/isolation-probe', [shared]);
const env = { SEKISHO_TEST_PRELOAD: toolPath('isolation/libisolation_preload.so'), SEKISHO_TEST_SHARED: shared };
const file = scenes('isolation', { browser: false, house: { env, watched: false } });

async function separated(house) {
  const status = JSON.parse((await house.run('status', '--json')).stdout); // a room that just died is no fault here
  if (!status.separated) throw new Skip('rooms not separated: isolation needs root');
}

const standing = (house) => waitFor('the house to stand', async () => {
  const status = await house.json('status').catch(() => null);
  return status?.health === 'ok' && (await house.health()).status === 200;
});

async function probe(house, room, way, ...loosen) {
  await standing(house);
  const got = await tool('isolation/isolation-probe', [house.var, HOUSE_TREE, shared, room, way, ...loosen]);
  assert.equal(got.code, 0, got.err);
  return rows(got.out);
}

// ---- the table ----

const COLUMN = { true: 'yes', false: (row) => row.by };
const cell = (tries) => [...new Set(tries.map((row) => (row.allowed ? COLUMN.true : COLUMN.false(row))))].join(', ') || '-';

function table(title, byRoom, key) {
  const names = [...new Set(ROOMS.flatMap((room) => byRoom[room].map(key)))];
  const line = (cells) => `| ${cells.join(' | ')} |`;
  return [`### ${title}`, '', line(['attempt', ...ROOMS]), line(['---', ...ROOMS.map(() => '---')]),
    ...names.map((name) => line([name, ...ROOMS.map((room) => cell(byRoom[room].filter((row) => key(row) === name)))])), ''].join('\n');
}

const found = { user: {}, sealed: {} };
const TITLES = {
  user: 'A program under the room\'s user (cells: what refused it; yes = its right by the law)',
  sealed: 'In the room\'s own process after its rite',
};

for (const way of ['user', 'sealed']) {
  file.scene(`${TITLES[way].toLowerCase().replace(/ \(.*/, '')}: nothing beyond the law`, async ({ house }) => {
    await separated(house);
    for (const room of ROOMS) {
      found[way][room] = await probe(house, room, way);
      everythingWasTried(room, way, found[way][room]);
    }
    for (const room of ROOMS) {
      assert.deepEqual({ room, ...judge(room, way, found[way][room]) }, { room, breaches: [], blind: [] });
    }
  });
}

file.scene('the table', async ({ house }) => {
  await separated(house);
  const calls = Object.fromEntries(ROOMS.map((room) => [room, found.sealed[room].filter((row) => row.kind === 'call')]));
  const rest = (way) => Object.fromEntries(ROOMS.map((room) => [room, found[way][room].filter((row) => row.kind !== 'call')]));
  const short = (row) => (row.kind === 'process' ? `process ${row.target}` : nameOf(row).replace(/ open$/, ''));
  const text = [table(TITLES.user, rest('user'), short), table(TITLES.sealed, rest('sealed'), short),
    table('System calls, in the room\'s own process', calls, (row) => row.what)].join('\n');
  await writeFile(path.join(OUT, 'isolation.md'), text);
  console.log(text);
});

// ---- controls: one permission loosened, one class each; the judge must say so and say nothing else ----

async function loosened(house, room, way, mode, ...loosen) {
  const file = mode && path.join(house.var, mode.file);
  if (mode) for (const [name, bits] of [[mode.folder, 0o711], [file, mode.bits]]) if (name) await chmod(name === file ? file : path.join(house.var, name), bits);
  try {
    return judge(room, way, await probe(house, room, way, ...loosen));
  } finally {
    if (mode?.folder) await chmod(path.join(house.var, mode.folder), 0o700);
    if (mode) await chmod(file, mode.back);
  }
}

file.scene('control: a key file that others may read is found', async ({ house }) => {
  await separated(house);
  const mode = { folder: 'vault', file: 'vault/keys', bits: 0o644, back: 0o600 };
  assert.deepEqual(await loosened(house, 'shop', 'user', mode), { breaches: ['read vault open'], blind: [] });
});

file.scene('control: a brake board that others may write is found', async ({ house }) => {
  await separated(house);
  const mode = { file: 'brake/board', bits: 0o666, back: 0o644 };
  assert.deepEqual(await loosened(house, 'pay', 'user', mode), { breaches: ['write brake open'], blind: [] });
});

file.scene('control: a process that its user may debug is found', async ({ house }) => {
  await separated(house);
  const { breaches } = await loosened(house, 'shop', 'user', null, 'dumpable');
  assert.ok(breaches.every((name) => name.startsWith('process loose ')), breaches.join());
  for (const what of ['environ', 'mem', 'mem write', 'maps', 'fd', 'ptrace', 'vm_readv', 'vm_writev', 'pidfd_getfd', 'kill']) {
    assert.ok(breaches.includes(`process loose ${what}`), what);
  }
});

file.scene('control: an HTTP socket that others may open is found', async ({ house }) => {
  await separated(house);
  const mode = { file: 'run/shop.http.sock', bits: 0o666, back: 0o600 };
  assert.deepEqual(await loosened(house, 'vault', 'user', mode), { breaches: ['socket shop http'], blind: [] });
});

file.scene('control: a wire that lets all in is found', async ({ house }) => {
  await separated(house);
  const { breaches, blind } = await loosened(house, 'vault', 'user', null, 'wire');
  assert.deepEqual({ breaches, blind }, { breaches: ['socket pay wire'], blind: [] });
});

for (const [call, what] of [['execve', 'execve'], ['ptrace', 'ptrace']]) {
  file.scene(`control: a filter that lets ${call} through is found`, async ({ house }) => {
    await separated(house);
    const { breaches, blind } = await loosened(house, 'vault', 'sealed', null, call);
    assert.ok(breaches.includes(`call kernel ${what}`), breaches.join());
    assert.deepEqual(blind, []);
  });
}

file.scene('the house stands as before', async ({ house }) => {
  await standing(house);
  assert.match(await house.must('ledger', 'verify'), /\bok\b/i);
});

file.scene('no library can be put into a house that is no test house', async () => {
  if (process.getuid() !== 0) throw new Skip('rooms not separated: isolation needs root'); // a room's maps are root's to read
  const house = await House.start({ profile: 'demo', env, watched: false });
  try {
    const status = await house.json('status');
    assert.ok(status.rooms.length >= 7);
    for (const room of status.rooms) {
      const maps = readFileSync(`/proc/${room.pid}/maps`, 'utf8'); // Node 18's promise takes the first page for all of it
      assert.match(maps, /libc/, room.name);
      assert.doesNotMatch(maps, /isolation/, room.name);
    }
  } finally {
    await house.stop();
  }
});

await file.play();
await rm(dir, { recursive: true, force: true });
