#!/usr/bin/env bash
# Installs Ruby for WASI, which crates/palisade/examples/ruby.rs runs, with npm into target/ruby (125 MB). With --check
# it also builds that example and compares what it prints with what it should (3 minutes, mostly the build's).
set -euo pipefail
cd "$(dirname "$0")/.."

package=@ruby/3.4-wasm-wasi@2.10.1
mkdir -p target/ruby
npm install --silent --no-audit --no-fund --prefix target/ruby "$package"
echo "installed $package in target/ruby"

if [ "${1:-}" = --check ]; then
  expected='ruby 3.4.1 55 [1, 2, 3]
{"a":[1,null,"é"]}
1267650600228229401496703205376
x
=> :done'
  # The last one raises: exit code 1, and its message.
  status=0
  actual=$(cargo run --release --quiet --example ruby -- \
    'puts "ruby #{RUBY_VERSION} #{(1..10).sum} #{[3,1,2].sort.inspect}"; require "json"
     puts JSON.generate({a: [1, nil, "é"]}); puts 2**100
     begin; raise "x"; rescue => e; puts e.message; end; :done' \
    'raise "boom"' 2>target/ruby/stderr) || status=$?
  diff -u --label expected --label actual <(echo "$expected") <(echo "$actual")
  [ "$status" -eq 1 ] || { echo "exit code $status instead of 1" >&2; exit 1; }
  grep -q boom target/ruby/stderr || { echo "the exception is not named" >&2; exit 1; }
  echo 'ruby does as it should'
fi
