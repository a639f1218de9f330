#!/usr/bin/env bash
# Builds the guest programs of tests/guests/emscripten from their sources, and writes down in tests/guests/emscripten/expected
# what they do in Node with the JavaScript that emcc makes. The results are in the tree, so this is needed only after a
# change to a source. Versions: emscripten 3.1.6 of Debian 12, Node 20; emcc needs the npm package `acorn`, found through
# NODE_PATH.
#
#   tools/build-emscripten.sh [NAME...]     all programs, or those of these names
set -euo pipefail
root=$(cd "$(dirname "$0")/.." && pwd)
guests=$root/tests/guests/emscripten
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
mkdir -p "$guests/expected"
only=("$@")

wanted() {
  [ ${#only[@]} -eq 0 ] && return 0
  for name in "${only[@]}"; do [ "$name" = "$1" ] && return 0; done
  return 1
}

# build NAME SOURCE FLAGS...
build() {
  local name=$1 source=$2
  shift 2
  wanted "$name" || return 0
  echo "$name"
  # From its folder, so that no path of this machine gets into the module.
  (cd "$guests/src" && emcc "$source" "$@" -o "$work/$name.js")
  cp "$work/$name.wasm" "$guests/"
}

# expect NAME CASE INPUT ARGS...: runs it with a zone from $zone.
expect() {
  local name=$1 case=$2 input=$3 code=0
  shift 3
  wanted "$name" || return 0
  printf '%b' "$input" | (cd "$work" && TZ=${zone:-UTC} node --no-experimental-fetch "$name.js" "$@" 2>/dev/null) \
    >"$guests/expected/$case.txt" || code=$?
  echo "exit code $code" >>"$guests/expected/$case.txt"
}

exit_runtime='-sEXIT_RUNTIME=1'
build hello_printf hello_printf.c -O2
build hello_minified hello_printf.c -O3
[ -e "$work/hello_minified.js" ] && cp "$work/hello_minified.js" "$guests/"
build hello_iostream hello_iostream.cpp -O2
build args args.c -O2 $exit_runtime
build grow grow.c -O2 -sALLOW_MEMORY_GROWTH=1 -sMAXIMUM_MEMORY=128MB $exit_runtime
build nogrow nogrow.c -O2 $exit_runtime
build nogrow_null nogrow.c -O2 -sABORTING_MALLOC=0 $exit_runtime
build env_time_files env_time_files.c -O2 $exit_runtime
build sjlj sjlj.c -O2 $exit_runtime
build exceptions_js exceptions.cpp -O2 -fexceptions $exit_runtime
build exceptions_wasm exceptions.cpp -O2 -fwasm-exceptions $exit_runtime
build threads threads.c -O2 -pthread -sPTHREAD_POOL_SIZE=4 $exit_runtime
if wanted args_standalone; then
  emcc "$guests/src/args.c" -O2 -sSTANDALONE_WASM=1 -o "$guests/args_standalone.wasm"
fi

grow='-sALLOW_MEMORY_GROWTH=1'
for name in p_errno p_rw p_dirs p_stat p_dup p_format p_exit p_env p_mmap p_sjlj p_hostdir; do
  build $name $name.c -O1 $exit_runtime
done
build p_time p_time.c -O1 $exit_runtime
build p_oom p_oom.c -O1 $exit_runtime $grow -sMAXIMUM_MEMORY=48MB
build p_recurse p_recurse.c -O1 $exit_runtime
build p_stream p_stream.cpp -O1 -std=c++17 $exit_runtime $grow
for name in p_exc1 p_exc2 p_exc3 p_uncaught; do
  build $name $name.cpp -O1 -std=c++17 -fexceptions $exit_runtime
done
for name in p_exc1 p_exc2 p_uncaught; do
  build ${name}_wasm $name.cpp -O1 -std=c++17 -fwasm-exceptions $exit_runtime
done
for name in q_stdio q_system q_strptime q_ftw q_limits q_nospace q_text q_process \
  q_names q_log q_poll q_hardlink; do
  build $name $name.c -O1 $exit_runtime
done
build q_heap q_heap.c -O1 $exit_runtime $grow -sMAXIMUM_MEMORY=64MB
build q_cpp q_cpp.cpp -O1 -std=c++17 -fexceptions $exit_runtime $grow
for name in q_static q_jumps; do
  build $name $name.cpp -O1 -std=c++17 -fexceptions $exit_runtime
done
build q_static_wasm q_static.cpp -O1 -std=c++17 -fwasm-exceptions $exit_runtime
build q_terminate q_terminate.cpp -O1 -std=c++17 -fexceptions $exit_runtime
build q_later q_later.c -O1
build q_later_exit q_later.c -O1 $exit_runtime
build q_later_sleep q_later.c -O2 -sASYNCIFY -DSLEEPS
pthread="-pthread -sPTHREAD_POOL_SIZE=8 $exit_runtime"
for name in t_queue t_kinds t_detach t_print t_many t_proxy t_input; do
  build $name $name.c -O1 $pthread
done
build t_grow t_grow.c -O1 $pthread $grow -sMAXIMUM_MEMORY=128MB
for name in t_local t_std t_throw t_end; do
  build $name $name.cpp -O1 -std=c++17 -fexceptions $pthread -sINITIAL_MEMORY=64MB
done
build t_main t_queue.c -O1 $pthread -sPROXY_TO_PTHREAD -sINITIAL_MEMORY=64MB
build e_timers e_timers.c -O1 $exit_runtime
build needs_js needs_js.c -O1
build p_minified p_rw.c -O3 $exit_runtime
[ -e "$work/p_minified.js" ] && cp "$work/p_minified.js" "$guests/"

for name in p_errno p_rw p_dirs p_stat p_dup p_mmap p_sjlj p_oom p_exc1 p_exc2 p_exc3 p_exc1_wasm p_exc2_wasm p_minified \
  q_stdio q_system q_strptime q_ftw q_heap q_cpp q_limits q_text q_static q_static_wasm q_jumps q_names q_log; do
  expect $name $name ''
done
# WebAssembly exceptions do not work together with threads in this version, in Node neither.
# Not t_many: in Node the main thread frees what detached threads have had, but not while it runs.
for name in t_queue t_kinds t_detach t_proxy t_grow t_local t_std t_throw t_main; do
  expect $name $name ''
done
expect e_timers e_timers ''
expect e_timers e_timers_leaves '' leaves
expect p_format p_format 'first line\nsecond line\nlast without end'
expect p_stream p_stream 'the cat the dog\na cat the\n'
expect p_env p_env '' one '' 'two words' ünïcode
for case in 0 1 2 5 6; do
  expect p_exit p_exit_$case '' $case
done
expect q_process q_process '' -v --name=long -v rest
for case in 0 1 2 3; do
  expect q_terminate q_terminate_$case '' $case
done
for case in 0 1 2 3 4 5 6; do
  expect q_later q_later_$case '' $case
  expect q_later_exit q_later_exit_$case '' $case
done
expect q_later q_later_7 '' 7
expect q_later_sleep q_later_sleep '' 8
for zone in UTC Europe/Berlin America/New_York Australia/Sydney Asia/Kolkata; do
  expect p_time p_time_${zone//\//_} ''
done
