#!/usr/bin/env bash
# Builds the programs of benches/emscripten from their sources. The modules are in the tree, so this is needed only after
# a change to a source. Their JavaScript is not; the harness makes it for itself, if emcc is there. Versions: emscripten
# 3.1.6 of Debian 12.
#
#   tools/build-bench-emscripten.sh              writes the modules to benches/emscripten
#   tools/build-bench-emscripten.sh DIRECTORY    writes modules and JavaScript there instead
set -euo pipefail
sources=$(cd "$(dirname "$0")/../benches/emscripten" && pwd)
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

# emcc's own JavaScript needs acorn, which Debian has here.
export NODE_PATH=${NODE_PATH:-/usr/share/nodejs}

# build NAME SOURCE FLAGS...: from the folder of sources, so that no path of this machine gets into the module.
build() {
  local name=$1 source=$2
  shift 2
  (cd "$sources" && emcc "$source" -O2 -Wall -Wextra "$@" -o "$work/$name.js")
  chmod 644 "$work/$name.wasm"
}

# The harness calls `run` as often as it wants.
library=(--no-entry -sMODULARIZE=1 -sEXPORTED_FUNCTIONS=_run)
build exceptions exceptions.cpp -fexceptions "${library[@]}"
build exceptions_wasm exceptions.cpp -fwasm-exceptions "${library[@]}"
build longjmp longjmp.c "${library[@]}"
build invoke invoke.cpp -fexceptions "${library[@]}"
# Without EXIT_RUNTIME, with which Node.js ends before what it has not yet written to a pipe.
build print print.c

if [ $# -eq 0 ]; then
  cp "$work"/*.wasm "$sources"
  ls -l -- "$sources"/*.wasm
else
  # A folder is there with everything that belongs in it, or not at all.
  mkdir -p "$(dirname "$1")"
  rm -rf "$1"
  mv "$work" "$1"
fi
