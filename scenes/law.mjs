// The law of arrows (HOUSE.md law 2, and what 3 and 6 say of includes), read from the tree itself: every #include, every
// dependency list of the build, every symbol that one folder's objects take from another's.
//
//   node law.mjs [TREE [BUILD]]    prints each breach; exit 1 when there is one
import { execFileSync } from 'node:child_process';
import { existsSync, readFileSync, readdirSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';

// The one table. Which floors and which other rooms' doors a folder may use; a folder without a row has that of the
// one above it. `doors`: the files that other rooms may see and the libraries that they may link.
const FLOORS = ['common/base', 'common/text', 'common/io', 'common/db', 'common/tmpl', 'common/web', 'common/paper'];
const LAW = {
  'common/base': { uses: [] },
  'common/text': { uses: ['common/base'] },
  'common/io': { uses: ['common/base', 'common/text'] },
  'common/db': { uses: ['common/base', 'common/text'] },
  'common/tmpl': { uses: ['common/base', 'common/text'] },
  'common/tmpl/tmplc': { uses: ['common/base'] },
  'common/web': { uses: FLOORS.slice(0, 5) },
  'common/paper': { uses: ['common/base', 'common/text', 'common/io'] },
  brake: { uses: ['common/base'] },
  ledger: { uses: ['common/base', 'common/text', 'common/io'] },
  'ledger/verify': { uses: ['common/base'] }, // shares nothing with the writer
  'ledger/query': { uses: ['common/base', 'ledger/verify'] }, // nor does what answers investigators
  'ledger/push': { uses: ['common/base', 'common/text', 'common/io', 'ledger', 'ledger/verify'] }, // the record's only way to the net
  vault: { uses: [...FLOORS, 'ledger', 'brake'] },
  pay: { uses: [...FLOORS, 'vault', 'ledger', 'brake'] },
  'pay/paysim': { uses: FLOORS },
  guard: { uses: ['common/base', 'common/text', 'common/io', 'common/tmpl', 'ledger', 'brake'] },
  'guard/engine': { uses: ['common/base', 'common/text', 'guard/transform', 'guard/body', 'guard/detect'] }, // pure (law 3)
  'guard/transform': { uses: ['common/base', 'common/text'] },
  'guard/body': { uses: ['common/base', 'common/text'] },
  'guard/detect': { uses: ['common/base'] }, // pure, no allocation
  'guard/cards': { uses: ['common/base', 'common/text'] },
  'guard/rules': { uses: ['common/base', 'guard/engine'] }, // texts; their tests and their judge stand on the engine
  'guard/record': { uses: ['common/base', 'common/text'] },
  'guard/page': { uses: ['common/base', 'common/text', 'common/tmpl'] },
  'guard/conf': { uses: ['common/base'] },
  'guard/files': { uses: ['common/base', 'common/io', 'guard/engine'] }, // the engine's reader
  'guard/collect': { uses: ['common/base', 'guard/engine'] }, // memory of processes together; pure
  'guard/audit': { uses: ['common/base', 'common/text', 'guard/engine'] },
  'guard/evidence': { uses: ['common/base', 'common/text', 'guard/audit', 'guard/cards'] }, // pure
  'guard/ftw': { uses: ['common/base', 'common/text'] }, // regression tests: read and judged
  'guard/tool': { uses: ['common/base', 'common/text', 'common/io', 'guard/engine', 'guard/ftw', 'guard/files'] }, // the engine's second front
  'guard/bench': { uses: ['common/base', 'guard/engine', 'guard/ftw', 'guard/tool'] },
  'guard/nginx': { uses: ['common/base', 'common/text', 'common/io', 'ledger', 'brake', 'guard/cards', 'guard/record', 'guard/page', 'guard/engine', 'guard/files', 'guard/collect', 'guard/audit', 'guard/evidence'] },
  shop: { uses: [...FLOORS, 'pay', 'vault', 'ledger', 'brake', 'shop/fees'] },
  'shop/fees': { uses: ['common/base', 'common/text'] }, // pure: no database, no clock
  'shop/mailsim': { uses: FLOORS },
  inspect: { uses: [...FLOORS, 'ledger', 'brake'] },
  office: { uses: [...FLOORS, 'ledger', 'vault', 'brake', 'shop'] },
  witness: { uses: FLOORS }, // run by others, elsewhere: it stands on the floors alone
  bench: { uses: ['common/base', 'common/text', 'common/io', 'common/db', 'ledger', 'vault'] }, // tools: they come from outside, as customers do
  command: { uses: [...FLOORS, 'brake', 'ledger', 'vault', 'pay', 'guard', 'shop', 'inspect', 'office'] },
};
// Libraries through which a room may be called; brake_writer is for those who give orders.
const DOOR_LIBS = { brake: ['brake'], ledger: ['ledger_api', 'ledger_codec', 'ledger_copy', 'ledger_query'], vault: ['vault_api', 'vault_keyfile'], pay: ['pay_api'], shop: ['shop_api', 'shop_sample'], guard: ['guard_api', 'guard_pseudonym'] };
const DOOR_VARIABLES = { brake: ['brake_api'], ledger: ['ledger_api', 'ledger_codec', 'ledger_copy', 'ledger_query'], vault: ['vault_api', 'vault_keyfile'], pay: ['pay_api'], shop: ['shop_api', 'shop_sample'], guard: ['guard_api', 'guard_pseudonym'] };
const ORDER_GIVERS = ['command', 'office'];
const NGINX = 'guard/nginx'; // law 3
const NEVER_CALLED = ['system', 'popen']; // a shell is nobody's tool here
const SQL_HOME = 'common/db'; // law 6
const WEAK_ON_PURPOSE = 'guard/detect/judge/'; // a page that anybody may inject into, to prove what an injection does

const SKIPPED = /^(build.*|var|node_modules|\.git|scenes|out)$/;
// Tests stand beside what they test and may reach further: they start other rooms and make what a first run makes.
const TEST = /(^|\/)(tests|fuzz|interop|judge|example)\/|(^|\/)(test|fuzz|replay)_[^/]*$|fuzz_replay\.c$/;

const rooms = () => Object.keys(LAW);
const unitOf = (file) => rooms().filter((unit) => file.startsWith(`${unit}/`)).sort((a, b) => b.length - a.length)[0];
const roomOf = (unit) => (unit.startsWith('common/') ? unit.split('/').slice(0, 2).join('/') : unit.split('/')[0]);
const floorNamed = (name) => FLOORS.find((floor) => floor === `common/${name}`);
const isDoor = (file) => /^[a-z]+\/api[a-z_]*\.h$/.test(file);
const mayUse = (unit, other) => LAW[unit].uses.includes(other) || LAW[unit].uses.includes(roomOf(other));

export function treeRead(tree) {
  const files = new Map();
  const walk = (dir) => {
    for (const entry of readdirSync(path.join(tree, dir), { withFileTypes: true })) {
      const name = dir ? `${dir}/${entry.name}` : entry.name;
      if (entry.isDirectory() && !SKIPPED.test(entry.name)) walk(name);
      else if (/\.[ch]$|(^|\/)meson\.build$/.test(name) && entry.isFile()) files.set(name, readFileSync(path.join(tree, name), 'utf8'));
    }
  };
  walk('');
  return files;
}

// Comments go, strings stay empty: what is left is code. Lines keep their numbers.
function codeOf(text) {
  return text.replace(/\/\*[\s\S]*?\*\/|\/\/[^\n]*|"(?:\\.|[^"\\\n])*"|'(?:\\.|[^'\\\n])*'/g, (hit) =>
    (hit[0] === '"' ? '""' : hit[0] === "'" ? "''" : ' ') + '\n'.repeat((hit.match(/\n/g) ?? []).length));
}

const lineOf = (text, at) => text.slice(0, at).split('\n').length;

// ---- includes ----

function includeTarget(file, name, files) {
  const parts = name.split('/');
  const local = path.posix.join(path.posix.dirname(file), name);
  if (files.has(local)) return { unit: unitOf(local), file: local };
  const floor = floorNamed(parts[0]);
  if (floor && parts.length > 1) return { unit: floor, file: `common/${name}` };
  if (LAW[parts[0]] && parts.length > 1) return { unit: unitOf(name), file: name };
  const ofRoom = `${roomOf(unitOf(file))}/${name}`; // "tests/house.h" inside a room
  if (files.has(ofRoom)) return { unit: unitOf(ofRoom), file: ofRoom };
  return null; // generated, or the system's
}

function includeBreach(file, unit, name, angle, files) {
  if (/^ngx_|^nginx/.test(name)) return unit === NGINX ? null : 'nginx headers belong to guard/nginx alone';
  if (angle) return null;
  const target = includeTarget(file, name, files);
  if (!target || target.unit === unit) return null;
  const foreign = roomOf(target.unit) !== roomOf(unit);
  if (foreign && !mayUse(unit, target.unit)) return `${unit} may not use ${target.unit}`;
  if (foreign && !target.unit.startsWith('common/') && !isDoor(target.file)) return `${target.file} is no door of ${target.unit}`;
  if (target.file === 'brake/api_writer.h' && !ORDER_GIVERS.includes(unit) && roomOf(unit) !== 'brake') return 'only those who give orders write the board';
  if (!foreign && !isDoor(target.file) && !mayUse(unit, target.unit)) return `${unit} may not use ${target.unit}`;
  if (!foreign && isDoor(target.file)) return null; // a room's own contract is everybody's
  return { arrow: [unit, target.unit] };
}

function includesJudge(files, found) {
  for (const [file, text] of files) {
    if (!/\.[ch]$/.test(file)) continue;
    const unit = unitOf(file);
    if (!unit) {
      found.breaches.push(`${file}: stands in no room of the law`);
      continue;
    }
    for (const hit of text.matchAll(/^[ \t]*#[ \t]*include[ \t]*(["<])([^">]+)[">]/gm)) {
      const breach = includeBreach(file, unit, hit[2], hit[1] === '<', files);
      if (!breach || (TEST.test(file) && !/nginx/.test(breach))) continue;
      if (breach.arrow) found.arrows.push([...breach.arrow, `${file}:${lineOf(text, hit.index)}`]);
      else found.breaches.push(`${file}:${lineOf(text, hit.index)}: includes ${hit[2]}: ${breach}`);
    }
  }
}

// ---- calls that nobody makes; SQL ----

function callsJudge(files, found) {
  for (const [file, text] of files) {
    if (!/\.[ch]$/.test(file)) continue;
    const code = codeOf(text);
    for (const name of NEVER_CALLED) {
      for (const hit of code.matchAll(new RegExp(`(?<![\\w.>])${name}\\s*\\(`, 'g'))) {
        found.breaches.push(`${file}:${lineOf(code, hit.index)}: calls ${name}()`);
      }
    }
    if (unitOf(file) === SQL_HOME || file.startsWith(WEAK_ON_PURPOSE)) continue;
    for (const hit of code.matchAll(/\(\s*sql_t\s*\)\s*\{|\bsqlite3_\w+\s*\(|\bPQ[a-z]\w+\s*\(/g)) {
      found.breaches.push(`${file}:${lineOf(code, hit.index)}: SQL that is no literal of SQL(""): ${hit[0].trim()}`);
    }
    // The statement of a call of common/db is SQL(...) on the spot, or a sql_t that only SQL() can have made.
    for (const hit of code.matchAll(/\bdb_(?:run|query|query_one|query_i64)\s*\(\s*[^,()]+(?:\([^()]*\))?[^,()]*,\s*(?:[^,()]+,\s*)?"/g)) {
      found.breaches.push(`${file}:${lineOf(code, hit.index)}: SQL without SQL("")`);
    }
  }
}

// ---- the build's own lists ----

const codeOfMeson = (text) => text.replace(/#[^\n]*/g, '').replace(/'(?:\\.|[^'\\])*'/g, "''");

// Variables that are made of code, and the folder that makes them. Programs are no code: tests may start any.
function variablesOf(files) {
  const made = new Map();
  for (const [file, text] of files) {
    if (!file.endsWith('meson.build') || file === 'meson.build') continue;
    const unit = unitOf(file);
    for (const hit of codeOfMeson(text).matchAll(/^\s*(\w+)\s*=\s*(declare_dependency|static_library|shared_library|files|custom_target)\b/gm)) {
      made.set(hit[1], { unit, file });
    }
  }
  for (const floor of FLOORS) made.set(`inc_${path.basename(floor)}`, { unit: floor });
  for (const room of Object.keys(DOOR_VARIABLES)) made.set(`inc_${room}`, { unit: room });
  return made;
}

function buildBreach(unit, name, owner) {
  if (!owner || !owner.unit || roomOf(owner.unit) === roomOf(unit)) return null;
  const common = owner.unit.startsWith('common/');
  if (!mayUse(unit, owner.unit)) return `${unit} may not link ${name} of ${owner.unit}`;
  if (name === 'brake_writer') return ORDER_GIVERS.includes(unit) ? null : 'only those who give orders write the board';
  if (!common && name !== `inc_${roomOf(owner.unit)}` && !DOOR_VARIABLES[roomOf(owner.unit)]?.includes(name)) return `${name} is no door of ${owner.unit}`;
  return null;
}

function buildJudge(files, found) {
  const made = variablesOf(files);
  for (const [file, text] of files) {
    const unit = unitOf(file);
    if (!file.endsWith('meson.build') || !unit || TEST.test(file)) continue;
    // Tests are named as such; the rest of the file is what runs in the house.
    const code = codeOfMeson(text).split('\n');
    const raw = text.split('\n');
    let depth = 0, testing = false;
    for (const [i, line] of code.entries()) {
      if (depth === 0) testing = /\btest\s*\(|executable\s*\(\s*'(test|fuzz|replay)_|_test_|\bdb_test|fuzz_replay/.test(raw[i]);
      for (const [name] of line.matchAll(/\b[a-z]\w*\b/g)) {
        const breach = testing ? null : buildBreach(unit, name, made.get(name));
        if (breach) found.breaches.push(`${file}:${i + 1}: ${breach}`);
      }
      depth += (line.match(/[([]/g) ?? []).length - (line.match(/[)\]]/g) ?? []).length;
    }
  }
}

// ---- what the objects really call ----

function objectsOf(build) {
  const objects = [];
  const walk = (dir) => {
    for (const entry of readdirSync(path.join(build, dir), { withFileTypes: true })) {
      const name = dir ? `${dir}/${entry.name}` : entry.name;
      if (entry.isDirectory()) walk(name);
      else if (name.endsWith('.o')) objects.push(name);
    }
  };
  walk('');
  // build/<folder>/<target>.p/<source>.o
  return objects.map((object) => {
    const hit = object.match(/^(.*)\/([^/]+)\.p\/([^/]+)\.o$/);
    return hit && { object, unit: unitOf(`${hit[1]}/x`), target: hit[2].replace(/^lib|\.(a|so)$/g, ''), source: hit[3] };
  }).filter((o) => o && o.unit && !TEST.test(`${path.posix.dirname(path.posix.dirname(o.object))}/`) && !TEST.test(o.target) && !TEST.test(o.source) && !/preview|load$|shim/.test(o.target));
}

function symbolsOf(build, objects) {
  const out = execFileSync('nm', ['-A', '-g', '--format=posix', ...objects.map((o) => o.object)], { cwd: build, maxBuffer: 256 << 20, encoding: 'utf8' });
  const byObject = new Map(objects.map((o) => [o.object, o]));
  for (const o of objects) Object.assign(o, { defined: [], wanted: [] });
  for (const line of out.split('\n')) {
    const hit = line.match(/^(.+?): (\S+) (\w)/);
    if (hit) byObject.get(hit[1])[hit[3] === 'U' ? 'wanted' : 'defined'].push(hit[2]);
  }
}

function objectsJudge(build, found) {
  const objects = objectsOf(build);
  if (!objects.length) throw new Error(`${build}: no objects`);
  symbolsOf(build, objects);
  const owners = new Map();
  for (const o of objects) {
    for (const name of o.defined) {
      if (name !== 'main') owners.set(name, [...(owners.get(name) ?? []), o]);
    }
  }
  for (const o of objects) {
    for (const name of o.wanted) {
      const own = owners.get(name) ?? [];
      if (!own.length || own.some((other) => other.unit === o.unit || roomOf(other.unit) === roomOf(o.unit))) continue;
      const other = own[0];
      const where = `${o.object}: calls ${name} of ${other.unit}`;
      const door = other.unit.startsWith('common/') || DOOR_LIBS[roomOf(other.unit)]?.includes(other.target) || (other.target === 'brake_writer' && ORDER_GIVERS.includes(o.unit));
      if (!mayUse(o.unit, other.unit)) found.breaches.push(`${where}: ${o.unit} may not use ${other.unit}`);
      else if (!door) found.breaches.push(`${where}: ${other.target} is no door of ${other.unit}`);
      else found.arrows.push([o.unit, other.unit, o.object]);
    }
  }
}

// ---- circles ----

function circlesJudge(found) {
  const next = new Map();
  for (const [from, to] of found.arrows) {
    if (from !== to) next.set(from, (next.get(from) ?? new Set()).add(to));
  }
  const told = new Set();
  const visit = (unit, way) => {
    const at = way.indexOf(unit);
    if (at >= 0) {
      const circle = way.slice(at);
      const name = [...circle].sort().join();
      if (!told.has(name)) found.breaches.push(`a circle: ${[...circle, unit].join(' -> ')}`);
      told.add(name);
      return;
    }
    for (const other of next.get(unit) ?? []) visit(other, [...way, unit]);
  };
  for (const unit of next.keys()) visit(unit, []);
}

// The table itself must allow no circle: rooms may be called in one direction only.
function tableJudge(found) {
  const asked = { breaches: [], arrows: [] };
  for (const [unit, row] of Object.entries(LAW)) {
    for (const other of row.uses) asked.arrows.push([unit, other]);
  }
  circlesJudge(asked);
  found.breaches.push(...asked.breaches.map((breach) => `the law itself has ${breach}`));
}

// All breaches of a tree, and of its objects when they are built.
export function judge(tree, build) {
  const found = { breaches: [], arrows: [] };
  const files = treeRead(tree);
  tableJudge(found);
  includesJudge(files, found);
  callsJudge(files, found);
  buildJudge(files, found);
  if (build) objectsJudge(build, found);
  circlesJudge(found);
  return { breaches: [...new Set(found.breaches)], files: files.size, arrows: new Set(found.arrows.map(([a, b]) => `${a} -> ${b}`)) };
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const tree = path.resolve(process.argv[2] ?? path.join(path.dirname(fileURLToPath(import.meta.url)), '..'));
  const build = process.argv[3] ?? (existsSync(path.join(tree, 'build')) ? path.join(tree, 'build') : undefined);
  const { breaches, files, arrows } = judge(tree, build);
  for (const breach of breaches) console.log(breach);
  console.log(`law: ${files} files${build ? ' and the built objects' : ''}, ${arrows.size} arrows, ${breaches.length} breaches`);
  process.exitCode = breaches.length ? 1 : 0;
}
