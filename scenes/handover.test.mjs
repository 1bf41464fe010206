// The handover: one sheet and one bundle for an outside forensic firm, taken from a house that customers use, checked with
// the firm's own tools alone; no key of the house is in it.
import assert from 'node:assert/strict';
import { execFileSync, spawnSync } from 'node:child_process';
import { chmod, mkdtemp, readFile, readdir, rm, writeFile } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { Customer, departuresOf } from './lib/customer.mjs';
import { facts, filesBelow } from './lib/house.mjs';
import { scenes, Skip } from './lib/scene.mjs';

const file = scenes('handover', { browser: false, house: { watched: false } }) /* what many customers type is searched for elsewhere */;
const stage = {};

const filesOf = async (dir) => (await filesBelow(dir)).sort();

const tool = (program, ...args) => spawnSync(program, args, { cwd: stage.bundle, encoding: 'utf8', env: { ...process.env, LANG: 'C.UTF-8' } });

file.scene('made while customers book; every file hashed', async ({ house }) => {
  stage.dir = await mkdtemp(path.join(os.tmpdir(), 'handover-'));
  const departures = await departuresOf(house);
  let stop = false, booked = 0;
  const load = Promise.all(Array.from({ length: 4 }, async (_, n) => {
    while (!stop) {
      const c = new Customer(house);
      await c.book(departures[(n + booked) % departures.length]).then(() => booked++, () => {});
    }
  }));
  const got = await house.run('handover', stage.dir, '--by', 'tester', '--ref', 'R8-7');
  stop = true;
  await load;
  assert.equal(got.code, 0, got.stderr);
  assert.ok(booked > 0, 'somebody booked meanwhile');
  const names = await readdir(stage.dir);
  assert.equal(names.length, 1, 'nothing unfinished');
  stage.bundle = path.join(stage.dir, names[0]);
  const sums = (await readFile(path.join(stage.bundle, 'SHA256SUMS'), 'utf8')).trim().split('\n').map((line) => line.slice(66));
  const files = await filesOf(stage.bundle);
  assert.deepEqual(sums.sort(), files.filter((name) => !['SHA256SUMS', 'SHA256SUMS.sig', 'sheet.txt'].includes(name)));
  for (const want of [/^data\/shop\/shop\.db$/, /^data\/pay\/pay\.db$/, /^data\/etc\/vault\.ini$/, /^data\/brake\//, /^ledger\/public\/checkpoint$/, /^logs\/shop\.log$/,
    /^binaries\/shop$/, /^binaries\/guard$/, /^binaries\/ledger-verify$/, /^system\/nginx\.conf$/, /^custody\.json$/, /^ledger-verify\.json$/]) {
    assert.ok(files.some((name) => want.test(name)), `${want}`);
  }
});

file.scene('sha256sum, openssl and ledger-verify alone check it', async ({ house }) => {
  assert.equal(tool('sha256sum', '-c', '--quiet', '--strict', 'SHA256SUMS').status, 0);
  const verify = ['pkeyutl', '-verify', '-pubin', '-inkey', 'handover.pub.pem', '-rawin', '-in', 'SHA256SUMS', '-sigfile', 'SHA256SUMS.sig'];
  assert.equal(tool('openssl', ...verify).status, 0);
  const mine = path.join(stage.dir, 'ledger-verify');
  await writeFile(mine, await readFile(path.join(stage.bundle, 'binaries/ledger-verify')));
  await chmod(mine, 0o755);
  assert.equal(tool(mine, 'ledger').status, 0);
  await rm(mine);
  const sheet = await readFile(path.join(stage.bundle, 'sheet.txt'), 'utf8');
  const sums = tool('sha256sum', 'SHA256SUMS').stdout.slice(0, 64);
  const key = (await readFile(path.join(house.var, 'etc/handover.pub'), 'utf8')).trim().split(' ')[1];
  const der = execFileSync('openssl', ['pkey', '-pubin', '-in', path.join(stage.bundle, 'handover.pub.pem'), '-outform', 'DER']);
  assert.equal(der.subarray(-32).toString('hex'), key);
  for (const [language, words] of [['ja', ['関所 引渡し票', '作成者', '渡した人']], ['en', ['Sekisho handover sheet', 'Made by', 'Handed over by']]]) {
    for (const word of [...words, sums, key, 'tester', 'R8-7', os.hostname()]) assert.ok(sheet.includes(word), `${language}: ${word}`);
  }
  assert.ok(sheet.indexOf('関所') < sheet.indexOf('Sekisho handover'), 'Japanese first');
  const custody = JSON.parse(await readFile(path.join(stage.bundle, 'custody.json'), 'utf8'));
  assert.deepEqual([custody.made_by, custody.reference, custody.host, custody.ledger_verify_exit], ['tester', 'R8-7', os.hostname(), 0]);
  assert.match(custody.version, /^\d+\.\d+/);
  const record = facts(await house.recordOf('HANDOVER_MADE'));
  assert.deepEqual([record.bundle, record.sha256], [path.basename(stage.bundle), sums]);
});

file.scene('a changed byte shows', async () => {
  const name = path.join(stage.bundle, 'data/shop/shop.db');
  const bytes = await readFile(name);
  bytes[bytes.length >> 1] ^= 1;
  await chmod(name, 0o600);
  await writeFile(name, bytes);
  const got = tool('sha256sum', '-c', '--quiet', 'SHA256SUMS');
  assert.notEqual(got.status, 0);
  assert.match(got.stdout, /data\/shop\/shop\.db/);
  bytes[bytes.length >> 1] ^= 1;
  await writeFile(name, bytes);
  assert.equal(tool('sha256sum', '-c', '--quiet', 'SHA256SUMS').status, 0);
});

file.scene('no key and no password hash is in it', async ({ house }) => {
  const needles = [];
  const add = (what, bytes) => {
    for (const form of [bytes, Buffer.from(bytes.toString('hex')), Buffer.from(bytes.toString('base64').replace(/=+$/, ''))]) needles.push([what, form]);
  };
  for (const folder of ['secrets', 'offline']) {
    for (const name of await filesOf(path.join(house.var, folder))) {
      const bytes = await readFile(path.join(house.var, folder, name));
      if (/ed25519 |x25519-secret /.test(bytes.toString('latin1'))) {
        for (const line of bytes.toString().trim().split('\n')) {
          const [label, hex] = line.split(' ');
          if (label === 'x25519-secret') add(`${folder}/${name}`, Buffer.from(hex, 'hex')); // the other line is the public half
        }
      } else if (bytes.length === 64 || bytes.length === 32) add(`${folder}/${name}`, bytes.subarray(0, 32)); // of a signing key the second half is public
      else if (bytes.length >= 16) needles.push([`${folder}/${name}`, bytes]);
    }
  }
  assert.ok(needles.length > 10, 'there are secrets to look for');
  const keys = await readFile(path.join(house.var, 'vault/month-keys'));
  needles.push(['vault/month-keys', keys.subarray(4096 + 48, 4096 + 48 + 104)]);
  needles.push(['a password hash', Buffer.from('$argon2id$v=19$')]);
  for (const name of await filesOf(stage.bundle)) {
    const bytes = await readFile(path.join(stage.bundle, name));
    for (const [what, needle] of needles) {
      if (what === 'a password hash' && name.startsWith('binaries/')) continue; // the word itself stands in libraries
      assert.ok(!bytes.includes(needle), `${name} holds ${what}`);
    }
  }
});

file.scene('where it cannot be made it says so and leaves nothing', async ({ house }) => {
  const inside = await house.run('handover', path.join(house.var, 'shop'));
  assert.equal(inside.code, 1);
  assert.equal((await house.run('handover')).code, 2);
  assert.equal((await house.run('handover', stage.dir, '--by', 'two words')).code, 2);
  const small = path.join(stage.dir, 'small');
  execFileSync('mkdir', [small]);
  if (spawnSync('mount', ['-t', 'tmpfs', '-o', 'size=2m', 'none', small]).status !== 0) throw new Skip('no small disk can be made here');
  try {
    const full = await house.run('handover', small);
    assert.equal(full.code, 1, full.stdout);
    assert.match(full.stderr, /no space/);
    assert.deepEqual(await readdir(small), []);
  } finally {
    execFileSync('umount', [small]);
  }
});

await file.play();
await rm(stage.dir, { recursive: true, force: true });
