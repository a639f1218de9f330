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

c() { clang --target=wasm32-wasi --sysroot=/usr -O2 "$@"; }
cpp() { clang++ --target=wasm32-wasi --sysroot=/usr -O2 -fno-exceptions -stdlib=libc++ "$@"; }

for name in args_env files clock_random exit_code trap; do
  c "src/$name.c" -Wl,--strip-all -o "$name.wasm"
done
# Keeps its name section, so that backtraces and `palisade inspect` have names to show.
c -Wall -Wextra src/wordcount.c -Wl,--strip-debug -o wordcount.wasm
cpp src/iostream.cpp -Wl,--strip-all -o iostream.wasm

# Where the stack lies relative to static data: the linker's default, and below it.
exports=(-Wl,--export=__heap_base -Wl,--export=__data_end -Wl,--export=__global_base -Wl,--export=__stack_pointer)
stack_first=(-Wl,--stack-first -Wl,-z,stack-size=65536)
c -mmutable-globals src/layout.c "${exports[@]}" -o layout_default.wasm
c -mmutable-globals src/layout.c "${exports[@]}" "${stack_first[@]}" -o layout_stack_first.wasm
c src/overflow.c -Wl,-z,stack-size=65536 -o overflow_default.wasm
c src/overflow.c "${stack_first[@]}" -o overflow_stack_first.wasm

c -mexec-model=reactor src/reactor.c -Wl,--export=malloc -Wl,--export=free -o reactor.wasm

ls -l -- *.wasm
