// Runs a library by the JavaScript that emcc made with it, as a harness says on standard input: a count on each line. It
// answers with nanoseconds for each operation and the result, or with what went wrong.
import { createRequire } from 'node:module';
import readline from 'node:readline';

const [file] = process.argv.slice(2);
const { _run: run } = await createRequire(import.meta.url)(file)();

for await (const count of readline.createInterface({ input: process.stdin })) {
  try {
    const start = process.hrtime.bigint();
    const result = run(Number(count));
    const time = process.hrtime.bigint() - start;
    console.log(`${Number(time) / Number(count)} ${result}`);
  } catch (error) {
    console.log(String(error).replaceAll('\n', ' '));
  }
}
