// A backup of a house whose shop and payments live in PostgreSQL: one database a room, dumped and restored by its own tools.
import assert from 'node:assert/strict';
import { access, cp, mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { Customer, departuresOf } from './lib/customer.mjs';
import { facts } from './lib/house.mjs';
import { Postgres } from './lib/postgres.mjs';
import { scenes, Skip } from './lib/scene.mjs';

const file = scenes('backup-postgres', { browser: false });

file.scene('backed up, wiped, restored', async ({ house }) => {
  await access('/usr/lib/postgresql/15/bin/initdb').catch(() => { throw new Skip('PostgreSQL is not installed'); });
  if (process.getuid() !== 0) throw new Skip('needs root to run it as its own user');
  const pg = await Postgres.start((program, args, cwd) => ['/usr/bin/env', ['-C', cwd, program, ...args]], ['shop', 'pay']);
  const dir = await mkdtemp(path.join(os.tmpdir(), 'sekisho-backups-'));
  const safe = await mkdtemp(path.join(os.tmpdir(), 'sekisho-safe-'));
  try {
    await house.must('down');
    await cp(path.join(house.var, 'offline'), safe, { recursive: true });
    for (const room of ['shop', 'pay']) {
      const ini = path.join(house.var, 'etc', `${room}.ini`);
      await writeFile(ini, `${await readFile(ini, 'utf8')}\n[database]\nurl = ${pg.url(room)}\n`);
      await rm(path.join(house.var, room, `${room}.db`), { force: true });
    }
    await house.must('up', '--detach', '--profile', 'test');
    const c = new Customer(house);
    await c.book((await departuresOf(house)).at(-1));
    await c.act('success');
    await c.becomes('confirmed');
    await house.must('backup', dir);
    assert.match(await house.must('backup', 'test'), /Backup holds/);
    assert.equal(facts(await house.recordOf('BACKUP_TESTED')).result, 'good');
    await house.must('down');
    await rm(house.var, { recursive: true });
    const key = ['--key', path.join(safe, 'backup.key')];
    const full = await house.run('restore', dir, ...key);
    assert.equal(full.code, 1, 'not into a database that is in use');
    assert.match(full.stderr, /PostgreSQL/);
    for (const room of ['shop', 'pay']) {
      await pg.query(`DROP DATABASE ${room}`);
      await pg.query(`CREATE DATABASE ${room}`);
    }
    await house.must('restore', dir, ...key);
    await house.must('up', '--detach', '--profile', 'test');
    assert.equal(await c.state(), 'confirmed');
    assert.equal((await pg.query('SELECT COUNT(*) FROM attempt WHERE state = 4', 'pay')).trim(), '1');
    await house.recordOf('PAY_RECONCILED');
  } finally {
    await house.run('down');
    await pg.stop();
    await pg.remove();
    for (const one of [dir, safe]) await rm(one, { recursive: true });
    await rm(house.var, { recursive: true, force: true }); // it points at a server that is gone
    await mkdir(house.var, { mode: 0o755 });
    await house.must('up', '--detach', '--profile', 'test');
  }
});

await file.play();
