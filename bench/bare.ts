// Bare Pyodide from the npm files, in one isolate with every permission: the floor that the
// sandbox is compared with. Arguments: the version, and when the process was started. Prints NAME
// VALUE lines.

// deno-lint-ignore no-explicit-any
type Any = any;

const [version, started] = Deno.args;
const { loadPyodide }: Any = await import(`npm:pyodide@${version}`);
const python = await loadPyodide();
if (await python.runPythonAsync("1 + 1") !== 2) throw new Error("It cannot add.");
const lines = [`sandbox.cold ${Date.now() - Number(started)}`];

const resident = Deno.memoryUsage().rss / 2 ** 20;
const timed = async (code: string, times = 1): Promise<number> => {
  const began = performance.now();
  for (let time = 0; time < times; time++) await python.runPythonAsync(code);
  return (performance.now() - began) / times;
};

await timed("x = 1", 20);
lines.push(`sandbox.step ${await timed("x = 1", 200) * 1e3}`);
const loop = Deno.readTextFileSync(new URL("./loop.py", import.meta.url));
lines.push(`sandbox.loop.first ${await timed(loop)}`);
// WebAssembly is compiled again, and better, once it has run for about a second.
await timed(loop, 20);
const figures: number[] = [];
for (let time = 0; time < 5; time++) figures.push(await timed(loop));
lines.push(`sandbox.loop ${figures.sort((a, b) => a - b)[2]}`);
let printed = 0;
python.setStdout({ write: (bytes: Uint8Array) => (printed += bytes.length, bytes.length) });
const print = "for _ in range(10_000): print('x' * 999)";
lines.push(`sandbox.printed ${await timed(print)}`);
if (printed !== 1e7) throw new Error(`${printed} bytes were printed.`);
lines.push(`sandbox.returned ${await timed("'x' * 10_000_000")}`);
lines.push(`memory.idle ${resident}`);
console.log(lines.join("\n"));
