// A whole house of its own for a file of scenes: started from the built tree with a fresh data folder and ports
// of its own, driven by `./sekisho` as any operator would. Knows no browser.
import { execFile, spawn } from 'node:child_process';
import { appendFile, chmod, mkdtemp, readFile, readdir, rm } from 'node:fs/promises';
import { existsSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import http from 'node:http';
import net from 'node:net';
import os from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { ClearWatch, searchesJoin } from './clear.mjs';
import { Postgres } from './postgres.mjs';
import { typedAll, typedCards, typedForm } from './typed.mjs';

export const TREE = path.resolve(path.dirname(fileURLToPath(import.meta.url)), '../..');
export const HOUSE_TREE = process.env.SCENES_TREE ?? TREE; // whose build/ is played; another one while a room is worked on
const PSP_OFFSET = 10; // HOUSE.md: SEKISHO_PORT moves all ports
const SMTP_OFFSET = 20;

// Regular files below a folder, by their names from there. (readdir's own recursion stumbles over sockets in Node 18.)
export async function filesBelow(dir, under = '') {
  const names = [];
  for (const entry of await readdir(path.join(dir, under), { withFileTypes: true })) {
    const name = path.join(under, entry.name);
    if (entry.isFile()) names.push(name);
    else if (entry.isDirectory()) names.push(...await filesBelow(dir, name));
  }
  return names;
}

export const sleep = (ms) => new Promise((done) => setTimeout(done, ms));

// Polls until look() gives something true. No scene depends on how fast the house is: the bound only ends a
// scene that would wait for ever.
export async function waitFor(what, look, { timeout = 60_000, every = 100 } = {}) {
  const until = Date.now() + timeout;
  for (let last; ; ) {
    try {
      const got = await look();
      if (got) return got;
    } catch (error) {
      last = error;
    }
    if (Date.now() > until) {
      throw new Error(`waited ${timeout / 1000} s for: ${what}${last ? ` (${last.message})` : ''}`);
    }
    await sleep(every);
  }
}

async function portFree(port) {
  return new Promise((done) => {
    const server = net.createServer();
    server.once('error', () => done(false));
    server.listen({ port, host: '127.0.0.1', exclusive: true }, () => server.close(() => done(true)));
  });
}

// Houses start side by side, and one that is down for a moment still wants its ports: who uses them says so in a file.
const claimed = new Set();
process.on('exit', () => { for (const file of claimed) rmSync(file, { force: true }); });

function portClaim(port) {
  const file = path.join(os.tmpdir(), `sekisho-port-${port}`);
  for (let i = 0; i < 2; i++) {
    try {
      writeFileSync(file, String(process.pid), { flag: 'wx' });
      claimed.add(file);
      return true;
    } catch {
      const owner = existsSync(file) ? Number(readFileSync(file, 'utf8')) : 0;
      if (owner && existsSync(`/proc/${owner}`)) return false;
      rmSync(file, { force: true }); // left behind by one that was killed
    }
  }
  return false;
}

async function portsFind() {
  // Below 32768: from there on the kernel takes ports for connections, and one of those may be ours.
  const start = (process.pid % 120) * 100;
  for (let i = 0; i < 120; i++) {
    const port = 20_000 + ((start + i * 100) % 12_000);
    const free = await Promise.all([port, port + PSP_OFFSET, port + SMTP_OFFSET].map(portFree));
    if (free.every(Boolean) && portClaim(port)) return port;
  }
  throw new Error('no free ports for a house');
}

// A plain request to a host of the house. Node resolves no *.localhost everywhere, so: 127.0.0.1 and a Host header.
export function request(port, host, { method = 'GET', target = '/', headers = {}, body, from } = {}) {
  return new Promise((done, fail) => {
    const req = http.request(
      { host: '127.0.0.1', localAddress: from, port, method, path: target, agent: false, headers: { Host: `${host}:${port}`, ...headers } },
      (res) => {
        const parts = [];
        res.on('data', (part) => parts.push(part));
        res.on('error', fail);
        res.on('end', () => done({ status: res.statusCode, headers: res.headers, body: Buffer.concat(parts) }));
      },
    );
    req.setTimeout(40_000, () => req.destroy(new Error(`${host}${target}: no answer`)));
    req.on('error', fail);
    req.end(body);
  });
}

export const facts = (record) => Object.fromEntries(new URLSearchParams(record.facts ?? ''));

const living = new Set();
const searched = []; // a result a house that went down, for whoever judges the file's scenes

// What the searches of all houses so far found, each once.
export const searchesTake = () => searched.splice(0);

export class House {
  // judged: what is found of clear text in it is a fault of the file's scenes; else the scene asks for itself.
  // postgres: shop and pay keep their tables in a server of the house's own; needs root.
  // prepare(house): makes what must be there before the first start (a small disk, an ini file).
  // watched: false for houses into which no scene types anything.
  static async start({ env = {}, profile = 'test', judged = true, postgres = false, watched = true, prepare } = {}) {
    const house = new House();
    house.var = await mkdtemp(path.join(os.tmpdir(), 'sekisho-scenes-'));
    await chmod(house.var, 0o755); // the rooms' users pass through
    house.port = await portsFind();
    house.profile = profile;
    house.env = { ...process.env, LANG: 'en_US.UTF-8', SEKISHO_VAR: house.var, SEKISHO_PORT: String(house.port), ...env };
    house.judged = judged;
    house.searches = [];
    house.watched = watched;
    living.add(house);
    await prepare?.(house); // a disk must be there before the watch takes its view of all disks
    house.watch = watched ? await ClearWatch.start(path.join(HOUSE_TREE, 'build')) : null;
    await house.up();
    if (postgres && house.watch) await house.toPostgres();
    return house;
  }

  async up() {
    const up = await this.run('up', '--detach', '--profile', this.profile);
    if (up.code !== 0) {
      const logs = await this.logs();
      await this.stop();
      throw new Error(`the house does not come up (exit ${up.code})\n${up.stderr}${up.stdout}\n${logs}`);
    }
  }

  // The first run made the configuration; rooms that start again find other databases in it, and empty ones. (The whole house
  // does not go down for it: somebody could take its ports.)
  async toPostgres() {
    this.postgres = await Postgres.start((...words) => this.watch.inside(...words), ['shop', 'pay']);
    for (const room of ['pay', 'shop']) {
      await appendFile(path.join(this.var, 'etc', `${room}.ini`), `[database]\nurl = ${this.postgres.url(room)}\n`);
      const pidOf = (status) => status.rooms.find((r) => r.name === room)?.pid;
      const before = pidOf(await this.json('status'));
      await this.signal(room, 15);
      await waitFor(`${room} on PostgreSQL`, async () => {
        const status = await this.json('status').catch(() => null);
        return status && pidOf(status) && pidOf(status) !== before && status.health === 'ok';
      }, { every: 300 });
    }
  }

  get shop() { return `http://shop.localhost:${this.port}`; }
  get psp() { return `http://psp.localhost:${this.port + PSP_OFFSET}`; }
  get mail() { return `http://mail.localhost:${this.port}`; }

  // ./sekisho ARGS; never throws on an exit code: scenes judge it. Nobody sits at its keyboard.
  run(...args) {
    const sekisho = path.join(HOUSE_TREE, 'sekisho');
    const [program, words] = this.watch ? this.watch.inside(sekisho, args, os.tmpdir()) : [sekisho, args];
    return new Promise((done) => {
      const child = execFile(program, words,
        { cwd: os.tmpdir(), env: this.env, maxBuffer: 256 << 20, timeout: 120_000 }, // var may be gone: a restore brings it
        (error, stdout, stderr) => done({ code: error ? (error.code ?? -1) : 0, stdout, stderr }));
      child.stdin.end();
    });
  }

  // The same, not waited for: the caller has the process.
  spawn(...args) {
    const sekisho = path.join(HOUSE_TREE, 'sekisho');
    const [program, words] = this.watch ? this.watch.inside(sekisho, args, os.tmpdir()) : [sekisho, args];
    return spawn(program, words, { cwd: os.tmpdir(), env: this.env, stdio: 'ignore' });
  }

  async must(...args) {
    const got = await this.run(...args);
    if (got.code !== 0) throw new Error(`sekisho ${args.join(' ')}: exit ${got.code}\n${got.stdout}${got.stderr}`);
    return got.stdout;
  }

  async json(...args) {
    return JSON.parse(await this.must(...args, '--json'));
  }

  // Law 10: a test house's rooms share one clock that can be stepped.
  async step(seconds) {
    await this.must('clock', String(seconds));
  }

  async signal(process, number) {
    await this.must('signal', process, String(number));
  }

  get(target, headers = {}) {
    typedCards(decodeURIComponent(target.replace(/%(?![0-9a-f]{2})/gi, '%25')));
    return request(this.port, 'shop.localhost', { target, headers });
  }

  post(target, body, headers = {}) {
    typedCards(body);
    if (headers['Content-Type'] === 'application/x-www-form-urlencoded') typedForm(body);
    return request(this.port, 'shop.localhost', { method: 'POST', target, body, headers });
  }

  async health() {
    const got = await this.get('/health?format=json');
    return { status: got.status, ...JSON.parse(got.body.toString()) };
  }

  // What the mail catcher has for one address, oldest first.
  async mails(rcpt) {
    const got = await request(this.port, 'mail.localhost', { target: '/api/mails' });
    if (got.status !== 200) throw new Error(`mail catcher: ${got.status}`);
    return JSON.parse(got.body.toString()).filter((mail) => mail.rcpt === rcpt).reverse();
  }

  async mailFor(rcpt, count = 1) {
    return waitFor(`${count} mail(s) for ${rcpt}`, async () => {
      const got = await this.mails(rcpt);
      return got.length >= count ? got : null;
    });
  }

  // The provider's stand-in: {"next", "down", "hang", "delay_s"}.
  async provider(order) {
    const got = await request(this.port + PSP_OFFSET, 'psp.localhost',
      { method: 'POST', target: '/control', body: JSON.stringify(order), headers: { 'Content-Type': 'application/json' } });
    if (got.status !== 204) throw new Error(`provider control: ${got.status} ${got.body}`);
  }

  async providerCounts() {
    const got = await request(this.port + PSP_OFFSET, 'psp.localhost', { target: '/control/state' });
    return JSON.parse(got.body.toString());
  }

  // Every record of the log, through the verifier: it must hold at any moment.
  async records() {
    const out = await this.must('ledger', 'verify', '--json', '--dump');
    return out.split('\n').filter((line) => line.startsWith('{"seq"')).map((line) => JSON.parse(line));
  }

  async recordOf(type, fits = () => true) {
    return waitFor(`a record ${type}`, async () => (await this.records()).find((r) => r.type === type && fits(r)), { every: 300 });
  }

  async trace(kind, id) {
    return (await this.json('trace', kind, id)).records;
  }

  // All bytes that a room keeps, for "is it nowhere" questions.
  async kept(...rooms) {
    const found = [];
    for (const room of rooms) {
      const dir = path.join(this.var, room);
      for (const name of await filesBelow(dir)) {
        const file = path.join(dir, name);
        const bytes = await readFile(file).catch(() => null); // gone meanwhile
        if (bytes) found.push({ file, bytes });
      }
    }
    return found;
  }

  async logs(lines = 12) {
    const dir = path.join(this.var, 'log');
    const out = [];
    for (const name of await readdir(dir).catch(() => [])) {
      const text = await readFile(path.join(dir, name), 'utf8').catch(() => '');
      if (text) out.push(`--- ${name}\n${text.trimEnd().split('\n').slice(-lines).join('\n')}`);
    }
    return out.join('\n');
  }

  // After each scene, for what was typed since the last time: bytes may be overwritten later (a database's log, a ring).
  async sweep() {
    const all = typedAll();
    const fresh = all.slice(this.swept ?? 0);
    this.swept = all.length;
    if (this.watch && fresh.length) this.searches.push(await this.watch.search(fresh));
  }

  async stop({ keep = false } = {}) {
    if (!living.delete(this)) return { code: 0 };
    if (this.watch) this.searches.push(await this.watch.search());
    const down = await this.run('down');
    await this.postgres?.stop();
    if (this.watch) {
      this.clear = searchesJoin([...this.searches, await this.watch.search()]);
      if (this.judged) searched.push(this.clear);
      await this.watch.stop();
    }
    await this.postgres?.remove();
    if (!keep) await rm(this.var, { recursive: true, force: true });
    return down;
  }
}

// A scene that is interrupted leaves no house behind.
for (const name of ['SIGINT', 'SIGTERM', 'SIGHUP']) {
  process.on(name, async () => {
    await Promise.all([...living].map((house) => house.stop().catch(() => {})));
    process.exit(130);
  });
}
