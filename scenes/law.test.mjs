// The architecture test: the tree keeps HOUSE.md's law of arrows, and the test would see each kind of breach (planted
// one at a time in a copy).
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { cp, mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { judge } from './law.mjs';
import { HOUSE_TREE, TREE } from './lib/house.mjs';
import { Skip, scenes } from './lib/scene.mjs';

const file = scenes('law', { house: null, browser: false });
const BUILD = path.join(HOUSE_TREE, 'build');

file.scene('no arrow against the law, no circle, in sources and build lists', async () => {
  const { breaches, files, arrows } = judge(TREE);
  assert.deepEqual(breaches, []);
  assert.ok(files > 300 && arrows.size > 20, `read ${files} files, ${arrows.size} arrows`);
});

file.scene('no call against the law in the built objects', async () => {
  if (!existsSync(BUILD)) throw new Skip('nothing is built');
  const { breaches, arrows } = judge(HOUSE_TREE, BUILD);
  assert.deepEqual(breaches, []);
  assert.ok(arrows.has('shop -> vault') && arrows.has('command -> brake'), 'calls are seen at all');
});

// what: where it is planted, the text, and what the judge must say.
const PLANTED = [
  ['a floor reaches up', 'common/base/id.c', '#include "text/html.h"\n', /common\/base may not use common\/text/],
  ['a room that may not be called', 'vault/server.c', '#include "shop/api.h"\n', /vault may not use shop/],
  ['a room\'s inside instead of its door', 'shop/booking.c', '#include "vault/keys.h"\n', /no door of vault/],
  ['nginx headers outside guard/nginx', 'guard/record/facts.c', '#include <ngx_core.h>\n', /guard\/nginx alone/],
  ['the board written by the shop', 'shop/health.c', '#include "brake/api_writer.h"\n', /write the board/],
  ['the verifier with the writer\'s code', 'ledger/verify/scan.c', '#include "../tree.h"\n', /ledger\/verify may not use ledger/],
  ['a shell', 'command/status.c', 'int f(void);\nint f(void) { return system("id"); }\n', /calls system\(\)/],
  ['a pipe to a shell', 'pay/http.c', 'void *g(void);\nvoid *g(void) { return popen("id", "r"); }\n', /calls popen\(\)/],
  ['SQL made elsewhere', 'shop/account.c', 'static sql_t h(const char *t) { return (sql_t){t}; }\n', /no literal of SQL/],
  ['a database library used directly', 'pay/book.c', 'void k(void) { sqlite3_exec(0, 0, 0, 0, 0); }\n', /no literal of SQL/],
  ['SQL without its macro', 'shop/guest.c', 'void m(db_t *db) { db_run(db, "DELETE FROM booking", DB_NO_ARGS, NULL); }\n', /SQL without SQL/],
  ['a build list with a room that may not be linked', 'vault/meson.build', 'x = declare_dependency(dependencies: [pay_api])\n', /vault may not link pay_api/],
  ['a build list with a room\'s inside', 'shop/meson.build', 'x = declare_dependency(dependencies: [vault_room])\n', /no door of vault/],
  ['a build list with the board\'s writer', 'pay/meson.build', 'x = declare_dependency(dependencies: [brake_writer])\n', /write the board/],
  ['a folder without a place', 'cellar/thing.c', 'int x;\n', /no room of the law/],
];

file.scene('each planted breach is found', async () => {
  const copy = await mkdtemp(path.join(os.tmpdir(), 'sekisho-law-'));
  try {
    await cp(TREE, copy, { recursive: true, filter: (from) => !/\/(build[^/]*|\.git|var|scenes|static|demo|pictures|corpus_[^/]*)$/.test(from) });
    assert.deepEqual(judge(copy).breaches, [], 'the copy itself is clean');
    for (const [what, name, text, says] of PLANTED) {
      const at = path.join(copy, name);
      const before = await readFile(at, 'utf8').catch(() => null);
      await mkdir(path.dirname(at), { recursive: true });
      await writeFile(at, `${before ?? ''}\n${text}`);
      const { breaches } = judge(copy);
      assert.ok(breaches.length === 1 && says.test(breaches[0]) && breaches[0].includes(name), `${what}: ${JSON.stringify(breaches)}`);
      if (before === null) await rm(path.dirname(at), { recursive: true });
      else await writeFile(at, before);
    }
    // In comments and strings these are only words.
    const at = path.join(copy, 'shop/health.c');
    await writeFile(at, `${await readFile(at, 'utf8')}\n/* system("x") */ static const char *WORDS = "popen(1) #include";\n`);
    assert.deepEqual(judge(copy).breaches, []);
  } finally {
    await rm(copy, { recursive: true, force: true });
  }
});

file.scene('a planted call between objects is found', async () => {
  const build = await mkdtemp(path.join(os.tmpdir(), 'sekisho-law-'));
  const compile = async (object, code) => {
    const at = path.join(build, object);
    await mkdir(path.dirname(at), { recursive: true });
    await writeFile(`${at}.c`, code);
    execFileSync('cc', ['-c', '-o', at, `${at}.c`]);
  };
  try {
    await compile('vault/libvault_room.a.p/reveal.c.o', 'int vault_inside(void) { return 1; }');
    await compile('vault/libvault_api.a.p/api.c.o', 'int vault_door(void) { return 1; }');
    await compile('shop/libshop.a.p/booking.c.o', 'int vault_door(void); int shop(void) { return vault_door(); }');
    assert.deepEqual(judge(TREE, build).breaches, [], 'by the door is fine');
    await compile('shop/libshop.a.p/booking.c.o', 'int vault_inside(void); int shop(void) { return vault_inside(); }');
    assert.match(judge(TREE, build).breaches.join('\n'), /calls vault_inside of vault: vault_room is no door/);
    await compile('shop/libshop.a.p/booking.c.o', 'int shop(void) { return 1; }');
    await compile('ledger/libledgerd.a.p/serve.c.o', 'int shop(void); int ledger(void) { return shop(); }');
    assert.match(judge(TREE, build).breaches.join('\n'), /ledger may not use shop/);
  } finally {
    await rm(build, { recursive: true, force: true });
  }
});

await file.play();
