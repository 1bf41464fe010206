#!/bin/sh
# test_sql_literal.sh INCLUDES EMBED_SQL CC... - what is no literal does not compile as SQL (law 6), and embed-sql refuses
# what it should. The good line shows that the bad ones fail for their own reason.
set -eu
includes=$1 embed=$2
shift 2
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
try() {
    printf '#include "db/db.h"\nerr_t f(db_t *db, const char *name);\nerr_t f(db_t *db, const char *name)\n{\n    (void)name;\n    return db_run(db, %s, DB_NO_ARGS, NULL);\n}\n' "$sql" >"$dir/t.c"
    # shellcheck disable=SC2086
    "$@" -std=gnu2x -D_GNU_SOURCE -fsyntax-only $includes "$dir/t.c" >"$dir/out" 2>&1
}
sql='SQL("DELETE FROM t")'
try "$@" || { cat "$dir/out"; echo "not ok: the literal must compile"; exit 1; }
for sql in 'SQL(name)' '"DELETE FROM t"' 'name' 'SQL("a" name)' 'SQL(name "a")' 'SQL((name))' 'SQL(db_last_error(db))'; do
    if try "$@"; then echo "not ok: $sql compiled"; exit 1; fi
done

mkdir "$dir/m"
refused() {
    if "$embed" x "$dir/x.c" "$@" 2>/dev/null; then echo "not ok: embed-sql took $*"; exit 1; fi
}
for f in 0001.sqlite.sql 0001.pg.sql 0003.sqlite.sql 0003.pg.sql bad.sql; do echo 'SELECT 1;' >"$dir/m/$f"; done
"$embed" x "$dir/x.c" "$dir/m/0001.sqlite.sql" "$dir/m/0001.pg.sql"
refused
refused "$dir/m/0001.sqlite.sql"
refused "$dir/m/bad.sql" "$dir/m/0001.pg.sql"
refused "$dir/m/0001.sqlite.sql" "$dir/m/0001.pg.sql" "$dir/m/0003.sqlite.sql" "$dir/m/0003.pg.sql"
echo ok
