// Nothing typed lies in the clear: a house is started inside the watch's mount namespace (scenes/clear), which keeps every file
// that any of its processes writes, deleted ones too; they are searched while the house stands and after it went down.
import { spawn } from 'node:child_process';
import { access, mkdtemp, rm, writeFile } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import readline from 'node:readline';
import { typedAll } from './typed.mjs';

const NOT_HERE = 3; // clear-watch's exit code where it may not watch

export class ClearWatch {
  // Null where files cannot be watched (`ClearWatch.why`): not root, or no namespaces. `build`: the built tree.
  static async start(build) {
    const program = path.join(build, 'scenes/clear/clear-watch');
    await access(program); // not being built is a fault, not a reason to search nothing
    const watch = new ClearWatch();
    watch.child = spawn(program, { stdio: ['pipe', 'pipe', 'pipe'] });
    watch.ended = new Promise((done) => watch.child.once('close', done));
    watch.said = '';
    watch.child.stderr.setEncoding('utf8').on('data', (text) => { watch.said += text; });
    watch.lines = readline.createInterface({ input: watch.child.stdout })[Symbol.asyncIterator]();
    const first = await watch.lines.next();
    if (first.done) {
      const code = await watch.ended;
      ClearWatch.why = watch.said.trim();
      if (code !== NOT_HERE) throw new Error(`clear-watch: exit ${code}: ${watch.said}`);
      return null;
    }
    watch.pid = JSON.parse(first.value).pid;
    watch.dir = await mkdtemp(path.join(os.tmpdir(), 'sekisho-needles-'));
    return watch;
  }

  async line() {
    const { value, done } = await this.lines.next();
    if (done) throw new Error(`clear-watch ended: ${this.said}`);
    return JSON.parse(value);
  }

  // The words that run a program inside.
  inside(program, args, cwd) {
    return ['/usr/bin/nsenter', ['-t', String(this.pid), '-m', `--wd=${cwd}`, '--', program, ...args]];
  }

  // {finds, sum} for all that was typed so far. Finds name the needle itself: scenes' people do not exist.
  async search(needles = typedAll()) {
    const file = path.join(this.dir, 'needles');
    await writeFile(file, needles.map(({ kind, value }) => `${kind}\t${value}\n`).join(''));
    this.child.stdin.write(`search ${file}\n`);
    const finds = [];
    for (;;) {
      const said = await this.line();
      if (said.searched) return { finds, sum: said, found: said.found.map((line) => needles[line - 1]) };
      finds.push({ ...said, value: needles[said.needle - 1]?.value });
    }
  }

  async stop() {
    this.child.stdin.end();
    await this.ended;
    await rm(this.dir, { recursive: true, force: true });
  }
}

// Two searches of one house as one result.
export function searchesJoin(parts) {
  const sums = parts.map((part) => part.sum);
  const most = (key) => Math.max(...sums.map((sum) => sum[key]));
  return {
    finds: parts.flatMap((part) => part.finds), // of each file the first 200
    found: parts.flatMap((part) => part.found), // every needle that was found at all
    files: most('files'), bytes: most('bytes'), needles: most('needles'), forms: most('forms'),
    limits: most('limits'), unreadable: most('unreadable'), tooShort: most('too_short'),
  };
}

// What is wrong with a result, in words; null when nothing is.
export function searchFault({ finds, files, limits, unreadable }) {
  if (finds.length) {
    const told = finds.slice(0, 20).map((f) => `${f.file} at ${f.at}${f.in ? ` in ${f.in}` : ''}: ${f.kind} "${f.value}" (${f.charset}, ${f.coding})`);
    return `${finds.length} finds of what was typed\n${told.join('\n')}`;
  }
  if (files < 10) return `only ${files} files were seen: the watch saw no house`;
  if (limits || unreadable) return `${limits} places and ${unreadable} files could not be searched to their end`;
  return null;
}
