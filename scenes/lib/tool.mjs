// The C tools of scenes/faults and scenes/isolation, as functions.
import { spawn } from 'node:child_process';
import path from 'node:path';
import readline from 'node:readline';
import { HOUSE_TREE } from './house.mjs';

export const toolPath = (name) => path.join(HOUSE_TREE, 'build/scenes', name);

// A scene that is interrupted leaves no tool behind.
const living = new Set();
process.on('exit', () => { for (const child of living) child.kill('SIGKILL'); });

// Starts a tool; its output is gathered. done: {code, signal, out, err}.
export function toolStart(name, args, { input, env } = {}) {
  const child = spawn(toolPath(name), args.map(String), { stdio: ['pipe', 'pipe', 'pipe'], env: { ...process.env, ...env } });
  living.add(child);
  child.once('close', () => living.delete(child));
  let out = '', err = '';
  child.stdout.setEncoding('utf8').on('data', (part) => { out += part; });
  child.stderr.setEncoding('utf8').on('data', (part) => { err += part; });
  child.stdin.on('error', () => {}); // it may end without reading
  child.stdin.end(input ?? '');
  const done = new Promise((end, fail) => {
    child.once('error', fail);
    child.once('close', (code, signal) => end({ code, signal, out, err }));
  });
  return { child, done };
}

export const tool = (name, args, options) => toolStart(name, args, options).done;

// The lines of a tool that prints one JSON object a line.
export const rows = (out) => out.split('\n').filter((line) => line.startsWith('{')).map((line) => JSON.parse(line));

// One customer, driven word by word (faults/visitor.c).
export class Visitor {
  constructor(house) {
    this.child = spawn(toolPath('faults/house-visitor'), [house.var, String(house.port)], { stdio: ['pipe', 'pipe', 'inherit'] });
    living.add(this.child);
    this.lines = readline.createInterface({ input: this.child.stdout })[Symbol.asyncIterator]();
  }

  async do(words) {
    this.child.stdin.write(`${words}\n`);
    const { value, done } = await this.lines.next();
    if (done) throw new Error(`the visitor left at: ${words}`);
    return JSON.parse(value);
  }

  // All of these must work; the last answer.
  async must(...all) {
    let got;
    for (const words of all) {
      got = await this.do(words);
      if (!got.ok) throw new Error(`${words}: ${JSON.stringify(got)}`);
    }
    return got;
  }

  end() {
    living.delete(this.child);
    this.child.stdin.end();
  }
}
