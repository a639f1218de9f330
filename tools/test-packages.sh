#!/usr/bin/env bash
# Runs real programs and libraries of Emscripten from npm, and checks what they do. Needs npm, and a network the first
# time. Takes 2 minutes once the debug build is there. Packages (90 MB) stay in target/packages, or in the folder that is
# given as an argument.
set -euo pipefail
cd "$(dirname "$0")/.."
cache=$(mkdir -p "${1:-target/packages}" && cd "${1:-target/packages}" && pwd)
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

packages=(
  sql.js@1.16.0 # emcc 4 or 5; one build with names, one minified by Closure
  7z-wasm@1.2.0
  @jspawn/ghostscript-wasm@0.0.2   # emcc 3.1, longjmp, function pointers cast
  @neslinesli93/qpdf-wasm@0.3.0    # emcc 3.1, C++ exceptions, Closure
  @okathira/ghostpdl-wasm@1.1.0    # emcc 4, longjmp, Closure
  @wasm-fmt/clang-format@23.1.0    # emcc 4, minified names
)
npm install --silent --no-audit --no-fund --ignore-scripts --prefix "$cache" "${packages[@]}"
modules=$cache/node_modules
cargo build --quiet -p palisade-cli --bin palisade
cargo build --quiet -p palisade-emscripten --example sqlite
built=$(cargo metadata --format-version 1 --no-deps | sed 's/.*"target_directory":"\([^"]*\)".*/\1/')/debug
palisade=$built/palisade
sqlite=$built/examples/sqlite

fail() {
  echo "FAILED: $*" >&2
  exit 1
}

# Compares a file with the text that is expected of it.
expect() {
  diff -u --label expected --label "$1" - "$1" || fail "$2"
  echo "ok: $2"
}

# What an import map for a module is, and that it knows all imports but so many.
map_of() {
  local unknown
  "$palisade" emscripten map "$1" >"$2" 2>"$2.notes"
  unknown=$(grep -c ': null' "$2" || true)
  [ "$unknown" -eq "$3" ] || fail "$unknown imports of $1 are not known instead of $3"
}

rows='3|NULL|10000000000.0|NULL|
1|你好|0.5|2|E4BDA0E5A5BD
2|x|-2.0|1|78
12586269025
error 1: near "selec": syntax error
100000|5000050000|1'

# SQLite with a database in a folder of the host, which the next process finds there.
mkdir "$work/named" "$work/minified"
dist=$modules/sql.js/dist
"$sqlite" "$dist/sql-wasm-debug.wasm" "$work/named" >"$work/rows"
expect "$work/rows" 'sql.js, a new database' <<<"$rows
3"
"$sqlite" "$dist/sql-wasm-debug.wasm" "$work/named" 'select a, b from t where c < 0' \
  'select count(*) from t' >"$work/rows"
expect "$work/rows" 'sql.js, the database of the process before' <<<'2|x
3'

# The build with minified names: refused, and with a map the same.
if "$sqlite" "$dist/sql-wasm.wasm" "$work/minified" 2>"$work/refusal"; then
  fail 'sql.js with minified names runs without a map'
fi
grep -q '40 imports are minified' "$work/refusal" || fail 'the refusal does not say why'
grep -q 'palisade emscripten map' "$work/refusal" || fail 'the refusal does not say what to do'
echo 'ok: sql.js, minified names are refused'
map_of "$dist/sql-wasm.js" "$work/sql.json" 1
"$sqlite" --map "$work/sql.json" "$dist/sql-wasm.wasm" "$work/minified" >"$work/rows"
expect "$work/rows" 'sql.js, minified names and a map' <<<"$rows
3"
"$sqlite" --map "$work/sql.json" "$dist/sql-wasm.wasm" "$work/minified" \
  'select count(*) from t' >"$work/rows"
expect "$work/rows" 'sql.js, the database of the process before' <<<3

# 7-Zip packs a folder and unpacks it, in processes of their own.
mkdir -p "$work/zip/in/nested/deeper"
printf 'hello hello hello\n' >"$work/zip/in/a.txt"
printf 'en rad till åäö\n' >"$work/zip/in/nested/ö.txt"
: >"$work/zip/in/nested/empty"
head -c 300000 /dev/urandom >"$work/zip/in/nested/deeper/random"
cp "$palisade" "$work/zip/in/program" && truncate --size 2000000 "$work/zip/in/program"
seven=("$palisade" run --dir "$work/zip::/w" "$modules/7z-wasm/7zz.wasm")
for kind in 7z zip tar; do
  "${seven[@]}" a "/w/packed.$kind" /w/in >"$work/log"
  grep -q 'Everything is Ok' "$work/log" || fail "7-Zip does not pack $kind"
  "${seven[@]}" l "/w/packed.$kind" >"$work/log"
  for name in a.txt nested/empty nested/deeper/random program; do
    grep -q "in/$name\$" "$work/log" || fail "7-Zip does not list $name in $kind"
  done
  "${seven[@]}" t "/w/packed.$kind" >"$work/log"
  grep -q 'Everything is Ok' "$work/log" || fail "7-Zip finds errors in $kind"
  rm -rf "$work/zip/out"
  "${seven[@]}" x -y -o/w/out "/w/packed.$kind" >"$work/log"
  grep -q 'Everything is Ok' "$work/log" || fail "7-Zip does not unpack $kind"
  diff -r "$work/zip/in" "$work/zip/out/in" || fail "7-Zip has changed files in $kind"
  echo "ok: 7-Zip, $kind"
done
"${seven[@]}" t /w/in/a.txt >"$work/log" 2>&1 && fail '7-Zip takes a text for an archive'
echo 'ok: 7-Zip, what is no archive'

# A PDF file of one page.
{
  printf '%%PDF-1.4\n'
  printf '1 0 obj<</Type/Catalog/Pages 2 0 R>>endobj\n'
  printf '2 0 obj<</Type/Pages/Kids[3 0 R]/Count 1>>endobj\n'
  printf '3 0 obj<</Type/Page/Parent 2 0 R/MediaBox[0 0 99 99]>>endobj\n'
  printf 'xref\n0 4\n0000000000 65535 f \n0000000009 00000 n \n0000000052 00000 n \n'
  printf '0000000101 00000 n \ntrailer<</Size 4/Root 1 0 R>>\nstartxref\n162\n%%%%EOF\n'
} >"$work/page.pdf"

map_of "$modules/@neslinesli93/qpdf-wasm/dist/qpdf.js" "$work/qpdf.json" 0
qpdf=("$palisade" run --import-map "$work/qpdf.json" --dir "$work::/w"
  "$modules/@neslinesli93/qpdf-wasm/dist/qpdf.wasm")
"${qpdf[@]}" --linearize /w/page.pdf /w/linear.pdf
"${qpdf[@]}" --check /w/linear.pdf >"$work/log"
grep -q 'File is linearized' "$work/log" || fail 'qpdf does not check what it made'
status=0
"${qpdf[@]}" --check /w/absent.pdf 2>"$work/log" || status=$?
[ "$status" -eq 2 ] || fail "qpdf gives $status for a file that is not there"
grep -q 'absent.pdf: No such file' "$work/log" || fail 'qpdf does not say which file is not there'
echo 'ok: qpdf, with exceptions'

ghost() {
  rm -f "$work/page.bmp"
  "$palisade" run --dir "$work::/w" "$@" -q -dNOPAUSE -dBATCH -sDEVICE=bmp16m -r72 \
    "-sOutputFile=/w/page.bmp" /w/linear.pdf >"$work/log" || fail "Ghostscript gives $?"
  # Width and height: 99 each.
  [ "$(od -An -tu4 -j18 -N8 "$work/page.bmp" | tr -s ' ')" = ' 99 99' ] || fail 'it draws nothing'
}
ghost "$modules/@jspawn/ghostscript-wasm/gs.wasm"
echo 'ok: Ghostscript, function pointers cast'
map_of "$modules/@okathira/ghostpdl-wasm/dist/gs.js" "$work/gs.json" 0
ghost --import-map "$work/gs.json" "$modules/@okathira/ghostpdl-wasm/dist/gs.wasm"
echo 'ok: Ghostscript, renamed functions'

map_of "$modules/@wasm-fmt/clang-format/clang-format-cli.cjs" "$work/format.json" 0
"$palisade" run --stub-missing --import-map "$work/format.json" \
  "$modules/@wasm-fmt/clang-format/clang-format-cli.wasm" --version >"$work/log"
grep -q '^clang-format version 23' "$work/log" || fail 'clang-format does not say its version'
echo 'ok: clang-format'
