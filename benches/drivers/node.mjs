// Runs a module in V8, as a harness says on standard input: a command and its arguments on each line. It answers with
// nanoseconds for each operation and the result, or with what went wrong.
import fs from 'node:fs';
import readline from 'node:readline';

const [file] = process.argv.slice(2);
const bytes = fs.readFileSync(file);
const imports = { host: { add: (a, b) => (a + b) | 0 } };

let compiled, existing;
const module = () => (compiled ??= new WebAssembly.Module(bytes));
const instance = () => (existing ??= new WebAssembly.Instance(module(), imports));

const commands = {
  run(n) {
    const { run } = instance().exports;
    return each(1, () => (n === undefined ? run() : run(Number(n))));
  },

  first(n) {
    return each(1, () => {
      const { exports } = new WebAssembly.Instance(new WebAssembly.Module(bytes), {});
      return exports.run(Number(n));
    });
  },

  sqlite() {
    return each(1, sqlite);
  },

  host_to_wasm(count) {
    const { callee } = instance().exports;
    return each(count, () => {
      let sum = 0;
      for (let i = 0; i < count; i++) sum = callee(sum, i);
      return sum;
    });
  },

  wasm_to_host(count) {
    const { call_host } = instance().exports;
    return each(count, () => call_host(Number(count)));
  },

  instantiate(count, touch) {
    module();
    return each(count, () => {
      let sum = 0;
      for (let i = 0; i < count; i++) {
        const { exports } = new WebAssembly.Instance(compiled, imports);
        if (touch === '1') sum += exports.touch();
      }
      return sum;
    });
  },

  grow(count) {
    const { exports } = new WebAssembly.Instance(module(), {});
    return each(count, () => exports.grow(Number(count)));
  },

  trap(count, name) {
    const trap = instance().exports[name];
    return each(count, () => {
      let traps = 0;
      for (let i = 0; i < count; i++) {
        try {
          trap();
        } catch {
          traps++;
        }
      }
      return traps;
    });
  },
};

// What src/contenders/sqlite.rs does.
function sqlite() {
  const module = new WebAssembly.Module(bytes);
  const imports = {};
  for (const { module: from, name } of WebAssembly.Module.imports(module)) (imports[from] ??= {})[name] = () => 0;
  const { memory, ...library } = new WebAssembly.Instance(module, imports).exports;
  const ok = (code) => {
    if (code !== 0) throw new Error(`sqlite error ${code}`);
  };
  library.emscripten_stack_init();
  library.__set_stack_limits(library.emscripten_stack_get_base(), library.emscripten_stack_get_end());
  library.__wasm_call_ctors();
  const place = library.malloc(1024), out = place + 1020;
  const write = (text) => new Uint8Array(memory.buffer).set(new TextEncoder().encode(`${text}\0`), place);
  const read = () => new DataView(memory.buffer).getInt32(out, true);
  write(':memory:');
  ok(library.sqlite3_open(place, out));
  const database = read();
  write(`create table t(a integer primary key, b text);
    with recursive c(x) as (select 1 union all select x + 1 from c where x < 500)
    insert into t select x, 'row ' || x from c;`);
  ok(library.sqlite3_exec(database, place, 0, 0, 0));
  write('select sum(a) + sum(length(b)) from t');
  ok(library.sqlite3_prepare_v2(database, place, -1, out, 0));
  const statement = read();
  library.sqlite3_step(statement);
  const sum = library.sqlite3_column_double(statement, 0);
  ok(library.sqlite3_finalize(statement));
  ok(library.sqlite3_close_v2(database));
  return sum;
}

function each(operations, work) {
  const start = process.hrtime.bigint();
  const result = work();
  const time = process.hrtime.bigint() - start;
  return [Number(time) / Number(operations), result];
}

for await (const line of readline.createInterface({ input: process.stdin })) {
  const [command, ...args] = line.split(' ');
  try {
    const [value, result] = commands[command](...args);
    console.log(`${value} ${result}`);
  } catch (error) {
    console.log(String(error).replaceAll('\n', ' '));
  }
}
