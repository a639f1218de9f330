#!/usr/bin/env bash
# Builds the guest programs of tests/guests/wasi from their sources. The results are in the tree, so this is needed
# only after a change to a source. Versions: clang 14, wasi-libc and libc++ of Debian 12.
#
#   tools/build-guests.sh              on Debian; installs missing packages if it is run as root
set -euo pipefail
cd "$(dirname "$0")/../tests/guests/wasi"

packages=(clang lld wasi-libc libclang-rt-14-dev-wasm32 libc++-14-dev-wasm32 libc++abi-14-dev-wasm32)
missing=()
for package in "${packages[@]}"; do
  [ "$(dpkg-query -W -f '${Status}' "$package" 2>/dev/null)" = "install ok installed" ] || missing+=("$package")
done
if [ ${#missing[@]} -gt 0 ]; then
  echo "installing ${missing[*]}"
  if [ "$(id -u)" -ne 0 ]; then
    echo "not root; run: apt-get install ${missing[*]}" >&2
    exit 1
  fi
  export DEBIAN_FRONTEND=noninteractive
  apt-get -o DPkg::Lock::Timeout=300 update -qq
  apt-get -o DPkg::Lock::Timeout=300 install -y -qq --no-install-recommends "${missing[@]}" >/dev/null
fi

objects=$(mktemp -d)
trap 'rm -rf "$objects"' EXIT

# build OUTPUT SOURCE [LINKER ARGUMENTS...]: compiles, then links without -O, with which clang would also run
# wasm-opt on the result if the machine happens to have one.
build() {
  local output=$1 source=$2
  shift 2
  local compiler=(clang) compile=()
  case $source in
    *.cpp) compiler=(clang++) compile=(-fno-exceptions) ;;
    # Exports its stack pointer, which is a mutable global.
    layout.c) compile=(-mmutable-globals) ;;
    # Line tables, with file names that do not depend on where this is built.
    debug.c) compile=(-g -O1 -ffile-prefix-map="$PWD"=.) ;;
  esac
  compiler+=(--target=wasm32-wasi --sysroot=/usr)
  "${compiler[@]}" -O2 -Wall "${compile[@]}" -c "src/$source" -o "$objects/$source.o"
  "${compiler[@]}" "$objects/$source.o" "$@" -o "$output"
  chmod 644 "$output"
}

for name in args_env files clock_random exit_code trap; do
  build "$name.wasm" "$name.c" -Wl,--strip-all
done
build iostream.wasm iostream.cpp -Wl,--strip-all
# Keeps its name section, so that backtraces and `palisade inspect` have names to show.
build wordcount.wasm wordcount.c -Wl,--strip-debug
build debug.wasm debug.c

# Where the stack lies relative to static data: the linker's default, and below it.
exports=(-Wl,--export=__heap_base -Wl,--export=__data_end -Wl,--export=__global_base -Wl,--export=__stack_pointer)
stack_first=(-Wl,--stack-first -Wl,-z,stack-size=65536)
build layout_default.wasm layout.c "${exports[@]}"
build layout_stack_first.wasm layout.c "${exports[@]}" "${stack_first[@]}"
build overflow_default.wasm overflow.c -Wl,-z,stack-size=65536
build overflow_stack_first.wasm overflow.c "${stack_first[@]}"

build reactor.wasm reactor.c -mexec-model=reactor -Wl,--export=malloc -Wl,--export=free

ls -l -- *.wasm
