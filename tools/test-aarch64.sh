#!/usr/bin/env bash
# Builds for aarch64 and runs what depends on the architecture: traps, functions compiled on demand, exceptions, threads, the
# specification's core, and Emscripten's programs.
#
#   tools/test-aarch64.sh [ARGUMENTS OF cargo test...]
#
# On an aarch64 machine it simply runs the tests. On an x86-64 machine with Debian 12 it cross-builds and emulates; see
# aarch64-setup.sh for what that needs and what it cannot show.
#
# On two cores the build takes about 6 minutes from nothing, the tests 4. Reserving address space is slow under emulation
# (0.1 s a memory), which is most of the tests' time. Output goes to $A64_TARGET_DIR (default target/a64).
set -euo pipefail
cd "$(dirname "$0")/.."

skip=()
case "$(uname -m)" in
  aarch64) cargo=(cargo) ;;
  x86_64)
    tools/aarch64-setup.sh
    cargo=("${A64_HOME:-$HOME/.cache/a64}/bin/cargo-a64")
    # The emulator does not keep the order that this is about.
    skip=(--skip stores_are_sequentially_consistent)
    # For tests that start themselves once more.
    export PALISADE_TEST_RUNNER="qemu-aarch64 -L /usr/aarch64-linux-gnu"
    ;;
  *)
    echo "no recipe for $(uname -m)" >&2
    exit 1
    ;;
esac

# Compiled guests run translated twice, so an optimised compiler pays.
"${cargo[@]}" test --release -p palisade-tests --no-run
for suite in trap lazy exceptions threads spec emscripten guest; do
  start=$SECONDS
  "${cargo[@]}" test --release -p palisade-tests --test "$suite" "$@" -- "${skip[@]}"
  echo "aarch64 $suite: passed in $((SECONDS - start)) s"
done
