// Runs the scenes: node run.mjs [--jobs N] [FILE...]. Each file has a house of its own, so files run side by side.
// The last line is for machines: "scenes: N passed, N failed, N skipped".
import { spawn } from 'node:child_process';
import { readdir } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';

const HERE = path.dirname(fileURLToPath(import.meta.url));
// A file that hangs is a failure, not a night (the long forms of `make long` name a bound of their own).
const FILE_LIMIT_MS = Number(process.env.SCENES_LIMIT_MIN ?? 15) * 60_000;

const args = process.argv.slice(2);
let jobs = Math.max(1, Math.min(2, os.cpus().length));
if (args[0] === '--jobs') jobs = Number(args.splice(0, 2)[1]);
const all = (await readdir(HERE)).filter((name) => name.endsWith('.test.mjs')).sort();
const files = args.length ? args.map((name) => path.basename(name)) : all;
const total = { passed: 0, failed: 0, skipped: 0 };
const children = new Set();

// Plays one file; resolves to its own count.
function play(file) {
  return new Promise((done) => {
    const child = spawn(process.execPath, [path.join(HERE, file)], { stdio: ['ignore', 'pipe', 'pipe'] });
    children.add(child);
    let out = '';
    for (const stream of [child.stdout, child.stderr]) stream.setEncoding('utf8').on('data', (part) => { out += part; });
    const limit = setTimeout(() => { out += '\nFAIL  ran too long\n'; child.kill('SIGTERM'); }, FILE_LIMIT_MS);
    child.on('close', (code) => {
      clearTimeout(limit);
      children.delete(child);
      const line = out.match(/^#scenes (\{.*\})$/m);
      const count = line ? JSON.parse(line[1]) : { passed: 0, failed: 1, skipped: 0 };
      if (!line) out += `FAIL  ${file}: ended without a result (exit ${code})\n`;
      process.stdout.write(out.replace(/^#scenes .*\n/m, ''));
      done(count);
    });
  });
}

for (const name of ['SIGINT', 'SIGTERM']) {
  process.on(name, () => { for (const child of children) child.kill(name); });
}
const waiting = [...files];
const counts = new Map();
await Promise.all(Array.from({ length: jobs }, async () => {
  for (let file; (file = waiting.shift()); ) counts.set(file, await play(file));
}));
// On CI alone, up to three files that failed are played once more, by themselves, and this is said (docs/decisions/009).
const failed = files.filter((file) => counts.get(file).failed);
if (process.env.CI && failed.length && failed.length <= 3) {
  for (const file of failed) {
    const again = await play(file);
    if (!again.failed) console.log(`PASSED ONLY AT THE SECOND TRY: ${file} (a fault of the scene or of the house: look at it)`);
    counts.set(file, again);
  }
}
for (const count of counts.values()) for (const key of Object.keys(total)) total[key] += count[key];
console.log(`scenes: ${total.passed} passed, ${total.failed} failed, ${total.skipped} skipped`);
process.exitCode = total.failed ? 1 : 0;
