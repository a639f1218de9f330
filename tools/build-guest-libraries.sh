#!/usr/bin/env bash
# Builds the guest libraries of tests/guests/emscripten-lib and tests/guests/assemblyscript from their sources. The
# results are in the tree, so this is needed only after a change to a source. Versions: Emscripten 3.1.6 with clang 14,
# as Debian 12 has them, and AssemblyScript 0.28.20 from npm.
#
#   tools/build-guest-libraries.sh [emscripten-lib | assemblyscript]     both unless one is named; needs npm, and emcc
set -euo pipefail
root=$(cd "$(dirname "$0")/.." && pwd)
which=${1:-all}
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

# build OUTPUT SOURCE [ARGUMENTS...]: a library, that is, a module without `main`. The JavaScript that emcc writes beside
# it is of no use here.
build() {
  local output=$1 source=$2
  shift 2
  emcc "src/$source" --no-entry "$@" -o "$work/$output.js"
  install -m 644 "$work/$output.wasm" "$output.wasm"
}

if [ "$which" = all ] || [ "$which" = emscripten-lib ]; then
  cd "$root/tests/guests/emscripten-lib"
  # Debian leaves out a JavaScript parser that emcc runs on its output.
  npm install --silent --no-fund --no-audit --prefix "$work" acorn@8
  export NODE_PATH=$work/node_modules
  allocator=-sEXPORTED_FUNCTIONS=_malloc,_free
  build add_global add_global.c -O1
  build sort sort.cpp -O2 $allocator
  build strings strings.c -O2 $allocator
  build record record.c -O2 $allocator
  build impmem impmem.c -O2 -sIMPORTED_MEMORY=1 -sINITIAL_MEMORY=16MB
  build i64_legacy i64_legacy.c -O2
  build i64_bigint i64_legacy.c -O2 -sWASM_BIGINT=1
  build callbacks callbacks.c -O2 $allocator -sALLOW_TABLE_GROWTH=1
  ls -l -- *.wasm
fi

if [ "$which" = all ] || [ "$which" = assemblyscript ]; then
  cd "$root/tests/guests/assemblyscript"
  npm install --silent --no-fund --no-audit --prefix "$work" assemblyscript@0.28.20
  for source in src/*.ts; do
    name=$(basename "$source" .ts)
    options=(-O2 --exportRuntime --runtime incremental)
    "$work/node_modules/.bin/asc" "$source" "${options[@]}" --bindings raw -o "$work/$name.wasm"
    install -m 644 "$work/$name.wasm" "$name.wasm"
  done
  ls -l -- *.wasm
fi
