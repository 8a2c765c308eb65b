// Runs Python over the sandbox's own file system, without the wall: for tests of staged files.
//
// One JSON line in, one out. A question to the host goes out as a line {"ask": ...}; its answer
// comes as a line with the number of bytes, and the bytes.
//
// Arguments: Pyodide's folder, stdlib zip, bytes of disk.

import { loadPyodide } from "pyodide/pyodide.mjs";
import { limitDisk } from "../../smolterm/sandbox/disk.ts";
import { fetchStaged, fill, settle, stagedChanges } from "../../smolterm/sandbox/changes.ts";
import { mountStaged } from "../../smolterm/sandbox/files.ts";
import { inCell } from "../../smolterm/sandbox/staged.ts";

const [folder, stdlib, disk] = Deno.args;
const encoder = new TextEncoder();
const decoder = new TextDecoder();
let waiting = new Uint8Array(0);

function more(): void {
  const piece = new Uint8Array(1 << 20);
  const n = Deno.stdin.readSync(piece);
  if (!n) Deno.exit(0);
  const joined = new Uint8Array(waiting.length + n);
  joined.set(waiting);
  joined.set(piece.subarray(0, n), waiting.length);
  waiting = joined;
}

function take(length: number): Uint8Array {
  while (waiting.length < length) more();
  const taken = waiting.slice(0, length);
  waiting = waiting.slice(length);
  return taken;
}

function line(): string {
  for (;;) {
    const end = waiting.indexOf(10);
    if (end >= 0) return decoder.decode(take(end + 1));
    more();
  }
}

function tell(message: unknown): void {
  let bytes = encoder.encode(JSON.stringify(message) + "\n");
  while (bytes.length) bytes = bytes.subarray(Deno.stdout.writeSync(bytes));
}

const python = await loadPyodide({ indexURL: folder, stdLibURL: stdlib });
// deno-lint-ignore no-explicit-any
const FS = (python as any).FS;
limitDisk(python, Number(disk));
FS.mkdir("/out");

function host(_: "file", request: string): Uint8Array {
  tell({ ask: request });
  const length = Number(line());
  // The host was interrupted.
  if (length < 0) throw new FS.ErrnoError(27);
  return take(length);
}

tell({ ready: true });
for (;;) {
  const message = JSON.parse(line());
  try {
    if (message.op === "mount") {
      mountStaged(python, host, message.mounts);
      tell({ done: true });
    } else if (message.op === "run") {
      inCell(true);
      const value = python.runPython(message.code);
      tell({ done: value === undefined ? null : JSON.parse(value) });
    } else if (message.op === "changes") tell({ done: stagedChanges(python) });
    else if (message.op === "fetch") {
      const bytes = fetchStaged(python, message.path, message.offset, message.length);
      tell({ done: bytes.toBase64() });
    } else if (message.op === "settle") tell({ done: settle(python, message.settled) ?? null });
    else if (message.op === "fill") {
      tell({ done: fill(python, message.path, Uint8Array.fromBase64(message.raw)) ?? null });
    }
  } catch (error) {
    tell({ failed: String(error) });
  } finally {
    inCell(false);
  }
}
