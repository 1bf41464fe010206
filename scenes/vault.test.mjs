// The vault's master key in a running house: a new one while customers book, backups that follow it, a passphrase from then on.
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { cp, mkdtemp, open, readFile, readdir, rm, writeFile } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { Customer, SoldOut, departuresOf } from './lib/customer.mjs';
import { HOUSE_TREE, facts, waitFor } from './lib/house.mjs';
import { scenes } from './lib/scene.mjs';

const file = scenes('vault', { browser: false });
const stage = {};
const PASSPHRASE = 'Hamanasu-no-oka 77';

async function paid(house) {
  for (;;) {
    const c = new Customer(house);
    try {
      await c.book(stage.departures[0]);
      await c.act('success');
      await c.becomes('confirmed');
      return c;
    } catch (error) {
      if (!(error instanceof SoldOut)) throw error;
      stage.departures.shift();
    }
  }
}

const opens = async (c) => (await c.get(`/bookings/${c.booking}`)).html.includes(c.person.email);
const masters = async (house) => (await readdir(path.join(house.var, 'secrets/vault'))).filter((name) => name.startsWith('master')).sort();
const sekisho = (house, args, options) => spawnSync(path.join(HOUSE_TREE, 'sekisho'), args, { env: house.env, cwd: os.tmpdir(), encoding: 'utf8', timeout: 120_000, ...options });

// The room alone: after a restore payments are closed, and the house says so.
const vaultOf = async (house) => JSON.parse((await house.run('status', '--json')).stdout).rooms.find((r) => r.name === 'vault');
const well = (house) => waitFor('the vault to be well', async () => (await vaultOf(house)).health === 'ok', { every: 300 });

file.scene('a new master key while customers book', async ({ house }) => {
  stage.dir = await mkdtemp(path.join(os.tmpdir(), 'sekisho-vault-'));
  stage.safe = await mkdtemp(path.join(os.tmpdir(), 'sekisho-safe-'));
  await cp(path.join(house.var, 'offline'), stage.safe, { recursive: true });
  stage.departures = await departuresOf(house);
  stage.before = await paid(house);
  await house.must('backup', stage.dir);
  const old = await readFile(path.join(house.var, 'secrets/vault/master.key'));
  const running = paid(house);
  const said = await house.must('vault', 'rotate');
  stage.during = await running;
  assert.match(said, /master key 2 is in use/);
  assert.match(await house.must('vault', 'state'), /^master key 2\n/);
  assert.deepEqual(await masters(house), ['master-2.key']);
  for (const { file: name, bytes } of await house.kept('.')) assert.ok(!bytes.includes(old), `the old master key is in ${name}`);
  assert.ok(await opens(stage.before) && await opens(stage.during));
  assert.deepEqual((await house.records()).filter((r) => r.type === 'MASTER_CHANGED').map((r) => facts(r).step), ['begun', 'rewrapped', 'done']);
});

file.scene('the backup from before opens with the key files of now', async ({ house }) => {
  assert.match(await house.must('backup', 'test', stage.dir), /Backup holds/);
  assert.equal(facts(await house.recordOf('BACKUP_TESTED')).sample, 'opened');
  await house.must('down');
  await rm(house.var, { recursive: true });
  await house.must('restore', stage.dir, '--key', path.join(stage.safe, 'backup.key'));
  assert.deepEqual(await masters(house), ['master-2.key']);
  await house.must('up', '--detach', '--profile', 'test');
  assert.ok(await opens(stage.before));
});

file.scene('from now on a passphrase: asked for, refused when it is wrong, kept for restarts of the room', async ({ house }) => {
  const ini = path.join(house.var, 'etc/vault.ini');
  const text = await readFile(ini, 'utf8');
  await writeFile(ini, text.replace(/^source = file$/m, 'source = passphrase').replace(/^memory_mib = \d+$/m, 'memory_mib = 64'));
  const got = sekisho(house, ['vault', 'rotate'], { input: `${PASSPHRASE}\n` });
  assert.equal(got.status, 0, got.stderr);
  assert.match(got.stdout, /master key 3 is in use/);
  assert.match(got.stdout, /passphrase/, 'what this means for the next start is said');
  assert.deepEqual(await masters(house), ['master-3.key']);
  assert.ok(await opens(stage.before));
  await house.must('backup', stage.dir);
  await house.must('backup', 'test', stage.dir, '--key', path.join(stage.safe, 'backup.key'));
  const tested = (await house.records()).filter((r) => r.type === 'BACKUP_TESTED').at(-1);
  assert.equal(facts(tested).sample, 'master_key_sealed', 'it does not say that it opened what it cannot open');

  await house.must('down');
  const none = await house.run('up', '--detach', '--profile', 'test');
  assert.equal(none.code, 1);
  assert.match(none.stderr, /master key is sealed/);
  await house.run('down');
  const typed = path.join(stage.safe, 'typed');
  await writeFile(typed, `${PASSPHRASE}\n`, { mode: 0o600 });
  const fd = await open(typed);
  const up = sekisho(house, ['up', '--detach', '--profile', 'test', '--vault-secret-fd', '3'], { stdio: ['ignore', 'pipe', 'pipe', fd.fd] });
  await fd.close();
  assert.equal(up.status, 0, up.stderr);
  await well(house);
  assert.ok(await opens(stage.before));
  const { pid } = await vaultOf(house);
  await house.signal('vault', 9);
  await waitFor('another vaultd', async () => ![0, pid].includes((await vaultOf(house)).pid), { every: 300 });
  await well(house);
  assert.ok(await opens(stage.before), 'after a crash it is opened without anybody typing');
  for (const { file: name, bytes } of await house.kept('.')) assert.ok(!bytes.includes(PASSPHRASE), `the passphrase is in ${name}`);
});

file.scene('all is put away', async () => {
  for (const dir of [stage.dir, stage.safe]) await rm(dir, { recursive: true });
});

await file.play();
