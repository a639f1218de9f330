#!/usr/bin/env bash
# Builds the benchmark programs of benches/corpus from their sources. The results are in the tree, so this is needed
# only after a change to a source. Versions: clang 14 and wasi-libc (its allocator) of Debian 12.
#
#   tools/build-corpus.sh             on Debian; installs missing packages if it is run as root
#   tools/build-corpus.sh NAME...     only these
set -euo pipefail
cd "$(dirname "$0")/../benches/corpus"

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

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

# build NAME SOURCE: compiles, then links without -O, with which clang would also run wasm-opt on the result if the
# machine happens to have one.
build() {
  local compiler=(clang) flags=(-mbulk-memory -msign-ext -mnontrapping-fptoint -mmutable-globals)
  case $2 in
    *.cpp) compiler=(clang++) flags+=(-fno-exceptions -fno-rtti) ;;
    *_f32x4.c | *_simd.c) flags+=(-msimd128) ;;
  esac
  compiler+=(--target=wasm32-wasi --sysroot=/usr)
  "${compiler[@]}" -O2 -Wall -Wextra "${flags[@]}" -c "src/$2" -o "$work/$1.o"
  "${compiler[@]}" "$work/$1.o" -nostartfiles -Wl,--no-entry -Wl,--strip-all -o "$1.wasm"
  chmod 644 "$1.wasm"
}

for source in src/*.c src/*.cpp; do
  name=$(basename "${source%.*}")
  [ $# -eq 0 ] || [[ " $* " == *" $name "* ]] || continue
  build "$name" "$(basename "$source")"
done
ls -l -- *.wasm
