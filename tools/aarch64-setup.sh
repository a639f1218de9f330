#!/usr/bin/env bash
# Prepares an x86-64 machine to build Rust for aarch64-unknown-linux-gnu and to run the result under user-mode
# emulation. Leaves `cargo-a64`, which is cargo with the compiler, linker and emulator set:
#
#   ~/.cache/a64/bin/cargo-a64 test
#
# A second run does nothing (< 1 s); the first takes about 15 s and 0.6 GB.
#
#   A64_HOME        where it unpacks (default: ~/.cache/a64)
#   A64_TARGET_DIR  where cargo-a64 builds (default: target/a64)
#
# Needs Debian 12 with apt, cargo, and root if the linker, target libc or emulator are missing.
# The compiler is Debian's rustc-web with its arm64 standard library, whatever the toolchain of `cargo` is: so nothing
# depends on whether that toolchain's own aarch64 library can be had. dpkg's architectures are not changed (a private apt
# state knows arm64).
#
# What emulation does not show: it needs no instruction-cache maintenance and keeps x86's memory order, so a missing
# flush or barrier passes; pages are 4 KiB; timings mean nothing.
set -euo pipefail
A64_HOME=${A64_HOME:-$HOME/.cache/a64}
STAMP=$A64_HOME/.ready-v2

# apt prerequisites: linker for the target, target libc, emulator
need=()
command -v aarch64-linux-gnu-gcc >/dev/null || need+=(gcc-aarch64-linux-gnu libc6-dev-arm64-cross)
command -v qemu-aarch64 >/dev/null || need+=(qemu-user)
for p in libxml2 libedit2 libz3-4; do dpkg -s "$p" >/dev/null 2>&1 || need+=("$p"); done
if [ ${#need[@]} -gt 0 ]; then
  export DEBIAN_FRONTEND=noninteractive
  apt-get -o DPkg::Lock::Timeout=300 update -qq
  apt-get -o DPkg::Lock::Timeout=300 install -y -qq --no-install-recommends "${need[@]}" >/dev/null
fi

if [ ! -e "$STAMP" ]; then
  # Only what an earlier attempt left behind is removed.
  if [ -n "$(ls -A "$A64_HOME" 2>/dev/null)" ] && [ ! -e "$A64_HOME/apt.conf" ]; then
    echo "A64_HOME=$A64_HOME is in use for something else" >&2
    exit 1
  fi
  rm -rf "$A64_HOME"; mkdir -p "$A64_HOME"/{lists/partial,cache/archives/partial,debs,root,bin}
  # A private apt state that also knows arm64, so the system's is left as it is.
  cat > "$A64_HOME/apt.conf" <<C
APT::Architecture "amd64";
APT::Architectures { "amd64"; "arm64"; };
APT::Sandbox::User "root";
Acquire::Languages "none";
Dir::State::lists "$A64_HOME/lists";
Dir::Cache "$A64_HOME/cache";
C
  export APT_CONFIG=$A64_HOME/apt.conf
  apt-get -qq update
  V=$(apt-cache madison libstd-rust-web-dev:arm64 | awk '{print $3}' | sort -V | tail -1)
  SO=$(apt-cache show "libstd-rust-web-dev=$V" | sed -n 's/^Depends:.*\(libstd-rust-web-[0-9.]*\).*/\1/p' | head -1)
  LLVM=$(apt-cache show "$SO=$V" | grep -o 'libllvm[0-9]*' | head -1)
  ( cd "$A64_HOME/debs"
    apt-get -qq download "rustc-web=$V" "$SO=$V" "libstd-rust-web-dev=$V" "$LLVM" "libstd-rust-web-dev:arm64=$V" )
  for d in "$A64_HOME"/debs/*.deb; do dpkg -x "$d" "$A64_HOME/root"; done
  for t in rustc rustdoc; do
    cat > "$A64_HOME/bin/$t" <<W
#!/bin/sh
LD_LIBRARY_PATH=$A64_HOME/root/usr/lib/x86_64-linux-gnu\${LD_LIBRARY_PATH:+:\$LD_LIBRARY_PATH} exec $A64_HOME/root/usr/bin/$t "\$@"
W
    chmod +x "$A64_HOME/bin/$t"
  done
  cat > "$A64_HOME/bin/cargo-a64" <<W
#!/bin/sh
# cargo-a64 test|build|run ... : the machine's cargo, aarch64 compiler + linker + emulator
export RUSTC=$A64_HOME/bin/rustc RUSTDOC=$A64_HOME/bin/rustdoc
unset RUSTC_WRAPPER RUSTC_WORKSPACE_WRAPPER
export CARGO_BUILD_TARGET=aarch64-unknown-linux-gnu
export CARGO_TARGET_AARCH64_UNKNOWN_LINUX_GNU_LINKER=aarch64-linux-gnu-gcc
export CARGO_TARGET_AARCH64_UNKNOWN_LINUX_GNU_RUNNER="qemu-aarch64 -L /usr/aarch64-linux-gnu"
export CC_aarch64_unknown_linux_gnu=aarch64-linux-gnu-gcc
export CARGO_TARGET_DIR=\${A64_TARGET_DIR:-target/a64}
export CARGO_PROFILE_DEV_DEBUG=\${CARGO_PROFILE_DEV_DEBUG:-line-tables-only} CARGO_INCREMENTAL=0
exec cargo "\$@"
W
  chmod +x "$A64_HOME/bin/cargo-a64"
  rm -rf "$A64_HOME/debs" "$A64_HOME/cache" "$A64_HOME/lists"
  # self-check: compile and run hello under the emulator
  t=$(mktemp -d); echo 'fn main(){println!("{}",std::env::consts::ARCH)}' > "$t/h.rs"
  "$A64_HOME/bin/rustc" --target aarch64-unknown-linux-gnu -C linker=aarch64-linux-gnu-gcc -o "$t/h" "$t/h.rs"
  [ "$(qemu-aarch64 -L /usr/aarch64-linux-gnu "$t/h")" = aarch64 ] || { echo "a64 self-check failed" >&2; exit 1; }
  rm -rf "$t"; touch "$STAMP"
fi
echo "a64 ready: $("$A64_HOME/bin/rustc" -V); run: $A64_HOME/bin/cargo-a64 test"
