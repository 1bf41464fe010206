// The payment provider as the real one is: outside of the house, and still there when the house is gone. The same stand-in,
// started by the scene, with data and port of its own; the house is pointed at it.
import { spawn } from 'node:child_process';
import { chmod, cp, mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { HOUSE_TREE, request, waitFor } from './house.mjs';

const PORT_OFFSET = 30; // beside the house's own ports

export class Provider {
  // house: down. Its keys of the provider are shared, as the provider's contract letter would bring them.
  static async start(house) {
    const p = new Provider();
    p.port = house.port + PORT_OFFSET;
    p.origin = `http://psp.localhost:${p.port}`;
    p.var = await mkdtemp(path.join(os.tmpdir(), 'sekisho-provider-'));
    await chmod(p.var, 0o755);
    for (const dir of ['etc', 'run', 'paysim', 'secrets/paysim']) await mkdir(path.join(p.var, dir), { recursive: true, mode: 0o700 });
    for (const key of ['komoju_api_key', 'komoju_webhook_key']) {
      await cp(path.join(house.var, 'secrets/paysim', key), path.join(p.var, 'secrets/paysim', key));
      await chmod(path.join(p.var, 'secrets/paysim', key), 0o400);
    }
    await writeFile(path.join(p.var, 'run/clock'), Buffer.alloc(8));
    await writeFile(path.join(p.var, 'etc/paysim.ini'), `[listen]\nport = ${p.port}\norigin = ${p.origin}\n[shop]\norigin = ${house.shop}\n`
      + `notify_url = http://127.0.0.1:${house.port}/pay/notify/komoju\nnotify_host = shop.localhost:${house.port}\n`);
    // --no-separation: it runs as whoever runs the scene; it is nobody's room
    p.child = spawn(path.join(HOUSE_TREE, 'build/pay/paysim/paysim'), ['--var', p.var, '--profile', 'test', '--no-separation'], { stdio: ['ignore', 'ignore', 'pipe'] });
    p.log = '';
    p.child.stderr.on('data', (part) => { p.log += part; });
    await waitFor('the provider', async () => (await request(p.port, 'psp.localhost', { target: '/control/state' })).status === 200)
      .catch((error) => { throw new Error(`${error.message}\n${p.log}`); });
    await p.pointHouse(house);
    return p;
  }

  async pointHouse(house) {
    const edit = async (room, change) => {
      const file = path.join(house.var, 'etc', `${room}.ini`);
      await writeFile(file, change(await readFile(file, 'utf8')));
    };
    await edit('pay', (text) => text.replace(/psp\.localhost:\d+/g, `psp.localhost:${this.port}`));
    await edit('shop', (text) => text.replace(/psp\.localhost:\d+/g, `psp.localhost:${this.port}`));
  }

  async control(order) {
    const got = await request(this.port, 'psp.localhost', { method: 'POST', target: '/control', body: JSON.stringify(order), headers: { 'Content-Type': 'application/json' } });
    if (got.status !== 204) throw new Error(`provider control: ${got.status}`);
  }

  async counts() {
    return JSON.parse((await request(this.port, 'psp.localhost', { target: '/control/state' })).body.toString());
  }

  async stop() {
    const ended = new Promise((done) => this.child.once('exit', done));
    this.child.kill('SIGTERM');
    await ended;
    await rm(this.var, { recursive: true, force: true });
  }
}
