// Runs a module in V8, as a harness says on standard input: `run N` or `run` for each round. It answers with nanoseconds
// and result, or with what went wrong.
import fs from 'node:fs';
import readline from 'node:readline';

const [file] = process.argv.slice(2);
const bytes = fs.readFileSync(file);
let instance;

const commands = {
  run(...args) {
    instance ??= new WebAssembly.Instance(new WebAssembly.Module(bytes), {});
    return timed(() => instance.exports.run(...args.map(Number)));
  },
};

function timed(work) {
  const start = process.hrtime.bigint();
  const result = work();
  return [process.hrtime.bigint() - start, result];
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
