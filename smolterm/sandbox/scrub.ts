// Runs before Pyodide is loaded: keeps the one function that the worker needs and takes away what
// would make Pyodide believe that it runs in Node or Deno, with their files and sockets.

const scope = globalThis as unknown as Record<string, unknown>;

export const post = (globalThis as unknown as {
  postMessage: (message: unknown, transfer: Transferable[]) => void;
}).postMessage.bind(globalThis);

for (const name of ["Deno", "process", "Buffer", "global"]) delete scope[name];

/** What Pyodide and Python need of the worker's globals while they run. Everything else goes. */
const KEPT = new Set(
  ("Object Function Array Number parseFloat parseInt Infinity NaN undefined Boolean String Symbol " +
    "Date Promise RegExp Error AggregateError EvalError RangeError ReferenceError SyntaxError " +
    "TypeError URIError globalThis JSON Math Intl ArrayBuffer Atomics Uint8Array Int8Array " +
    "Uint16Array Int16Array Uint32Array Int32Array BigUint64Array BigInt64Array " +
    "Uint8ClampedArray Float32Array Float64Array DataView Map BigInt Set Iterator WeakMap WeakSet " +
    "Proxy Reflect FinalizationRegistry WeakRef isFinite isNaN TextDecoder TextEncoder " +
    "SharedArrayBuffer WebAssembly crypto performance setTimeout clearTimeout setInterval " +
    "clearInterval queueMicrotask MessageChannel structuredClone AbortController " +
    "AbortSignal DOMException URL Response self").split(" "),
);

/** Deletes the worker's globals, and returns the names that could not be deleted. */
export function scrubGlobals(): string[] {
  const left: string[] = [];
  for (const name of Object.getOwnPropertyNames(globalThis)) {
    if (KEPT.has(name)) continue;
    try {
      delete scope[name];
    } catch {
      // Reported below.
    }
    if (name in scope) left.push(name);
  }
  const nothing = () => {};
  scope.console = Object.freeze({
    log: nothing,
    warn: nothing,
    error: nothing,
    info: nothing,
    debug: nothing,
    trace: nothing,
    group: nothing,
    groupEnd: nothing,
    assert: nothing,
  });
  return left;
}
