#!/usr/bin/env bash
# Builds the guest programs of tests/guests/wasi, wasi-p1 and wasi-threads from their sources. The results are in the
# tree, so this is needed only after a change to a source. Versions: clang 14, wasi-libc and libc++ of Debian 12; for
# threads the linker of Rust 1.95.
#
#   tools/build-guests.sh                   on Debian; installs missing packages if it is run as root
#   tools/build-guests.sh --check-native    builds the programs wasi-p1/src/libc_*.c for the host instead, and compares
#                                           what they do with what their .wasm files do in Palisade (or in the program
#                                           named by $PALISADE, which takes the same options)
set -euo pipefail
root=$(cd "$(dirname "$0")/.." && pwd)
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

# in_fresh_directory OUTPUT COMMAND...: runs it in an empty directory, and writes its stdout and exit code.
in_fresh_directory() {
  local output=$1 directory code=0
  shift
  directory=$(mktemp -d -p "$work")
  # Through a pipe, as a file could be seeked in.
  (cd "$directory" && A=1 B='' "$@" </dev/null | cat >"$output" && exit "${PIPESTATUS[0]}") || code=$?
  echo "exit code $code" >>"$output"
}

check_native() {
  local palisade=${PALISADE:-} source name args differing=0 count=0
  if [ -z "$palisade" ]; then
    (cd "$root" && cargo build --quiet -p palisade-cli)
    palisade=${CARGO_TARGET_DIR:-$root/target}/debug/palisade
  fi
  cd "$root/tests/guests/wasi-p1"
  for source in src/libc_*.c; do
    name=$(basename "$source" .c)
    args=()
    [ "$name" != libc_args ] || args=(a 'b c' '')
    cc -DNATIVE -O1 -Wall -Wextra -Wno-unused-function "$source" -o "$work/native"
    in_fresh_directory "$work/native.txt" "$work/native" "${args[@]}"
    in_fresh_directory "$work/wasm.txt" "$palisade" run --dir .::/ --env A --env B "$PWD/$name.wasm" "${args[@]}"
    count=$((count + 1))
    diff -u --label "$name, native" --label "$name, wasm" "$work/native.txt" "$work/wasm.txt" ||
      differing=$((differing + 1))
  done
  echo "$((count - differing)) of $count programs do the same"
  [ "$differing" -eq 0 ]
}

if [ "${1:-}" = --check-native ]; then
  check_native
  exit
fi

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

cd "$root/tests/guests/wasi"

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
  [[ $PWD != */wasi-p1 ]] || compile=(-Wextra -Wno-unused-function)
  compiler+=(--target=wasm32-wasi --sysroot=/usr)
  "${compiler[@]}" -O2 -Wall "${compile[@]}" -c "src/$source" -o "$work/$source.o"
  "${compiler[@]}" "$work/$source.o" "$@" -o "$output"
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

cd "$root/tests/guests/wasi-p1"
for source in src/*.c; do
  name=$(basename "$source" .c)
  model=command
  [[ $name != reactor_* ]] || model=reactor
  build "$name.wasm" "$name.c" -mexec-model=$model -Wl,--strip-all
done
echo "$(find . -maxdepth 1 -name '*.wasm' | wc -l) programs of tests/guests/wasi-p1:" \
  "$(cat -- *.wasm | wc -c) bytes"

# There is no C library with threads, so these do without one. Debian's linker cannot import and export one memory.
lld=$(rustc --print sysroot)/lib/rustlib/$(rustc -vV | sed -n 's/^host: //p')/bin/rust-lld
cd "$root/tests/guests/wasi-threads"
threads=(clang --target=wasm32 -matomics -mbulk-memory)
"${threads[@]}" -c src/start.S -o "$work/start.o"
for source in src/*.c; do
  name=$(basename "$source" .c)
  "${threads[@]}" -O2 -Wall -Wextra -Wno-unused-function -ffreestanding -c "$source" -o "$work/$name.o"
  "$lld" -flavor wasm "$work/$name.o" "$work/start.o" --import-memory --export-memory --shared-memory \
    --max-memory=$((2 << 20)) --export=_start --strip-all -o "$name.wasm"
  chmod 644 "$name.wasm"
done
ls -l -- *.wasm
