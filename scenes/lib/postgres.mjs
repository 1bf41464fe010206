// A PostgreSQL server of a house's own, started inside the watch of that house: its data folder, write-ahead log, spill files and
// shared buffers are searched like any room's.
import { execFile, spawn } from 'node:child_process';
import { chmod, mkdtemp, rm } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';

const BIN = '/usr/lib/postgresql/15/bin';
const AS_POSTGRES = ['--reuid=postgres', '--regid=postgres', '--clear-groups', '--'];
const START_MS = 60_000;

const call = ([program, args]) => new Promise((done, fail) => {
  execFile(program, args, { timeout: 120_000 }, (error, stdout, stderr) => (error ? fail(new Error(`${args.join(' ')}: ${stderr}${stdout}`)) : done(stdout)));
});

export class Postgres {
  // inside(program, args, cwd): the words that run a program in the namespace, as root.
  static async start(inside, databases) {
    const pg = new Postgres();
    pg.dir = await mkdtemp(path.join(os.tmpdir(), 'sekisho-scenes-pg-'));
    pg.inside = (program, args) => inside('/usr/bin/setpriv', [...AS_POSTGRES, program, ...args], pg.dir);
    await chmod(pg.dir, 0o755); // rooms' users come to its socket
    await call(['/usr/bin/chown', ['postgres:postgres', pg.dir]]);
    await call(pg.inside(`${BIN}/initdb`, ['-D', 'data', '-U', 'postgres', '-A', 'trust', '-E', 'UTF8', '--locale=C', '--no-sync']));
    const [program, args] = pg.inside(`${BIN}/postgres`, ['-D', 'data', '-k', pg.dir, '-c', 'listen_addresses=', '-c', 'shared_buffers=16MB']);
    pg.child = spawn(program, args, { stdio: ['ignore', 'ignore', 'pipe'] });
    pg.said = '';
    pg.child.stderr.setEncoding('utf8').on('data', (text) => { pg.said = (pg.said + text).slice(-4000); });
    try {
      await pg.ready();
      for (const name of databases) await pg.query(`CREATE DATABASE ${name}`);
    } catch (error) {
      await pg.stop();
      throw error;
    }
    return pg;
  }

  query(sql, database = 'postgres') {
    return call(this.inside(`${BIN}/psql`, ['-h', this.dir, '-U', 'postgres', '-d', database, '-At', '-c', sql]));
  }

  async ready() {
    for (const until = Date.now() + START_MS; ; ) {
      if (this.child.exitCode !== null) throw new Error(`PostgreSQL ended: ${this.said}`);
      try {
        return await this.query('SELECT 1');
      } catch (error) {
        if (Date.now() > until) throw new Error(`${error.message}\n${this.said}`);
        await new Promise((done) => setTimeout(done, 200));
      }
    }
  }

  url(database) {
    return `postgresql:///${database}?host=${this.dir}&user=postgres`;
  }

  // Fast shutdown: a checkpoint writes all that is in memory. The folder stays until the search was done.
  async stop() {
    this.child.kill('SIGINT');
    await new Promise((done) => (this.child.exitCode === null && this.child.signalCode === null ? this.child.once('close', done) : done()));
  }

  async remove() {
    await rm(this.dir, { recursive: true, force: true });
  }
}
