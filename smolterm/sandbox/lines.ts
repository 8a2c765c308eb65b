// Which line of the running cell is executed, read from Python's memory as a debugger outside of
// the process would: no Python runs for it, so that nothing the code can see depends on whether
// somebody looked.

import { LINE, LOOK } from "./shared.ts";

// deno-lint-ignore no-explicit-any
type Any = any;

/** What Python's runtime begins with, for debuggers: a cookie, its version, then offsets. */
const COOKIE = "xdebugpy";
const VERSION = 0x030e;
/** Places among the numbers behind the cookie, eight bytes each. */
const AT = {
  version: 0,
  freeThreaded: 1,
  interpreters: 4,
  threads: 8,
  nextThread: 23,
  frame: 25,
  previous: 31,
  code: 32,
  instruction: 33,
  codeSize: 38,
  filename: 39,
  lineTable: 42,
  firstLine: 43,
  instructions: 47,
  bytesSize: 74,
  bytes: 75,
  textLength: 78,
  text: 79,
} as const;
const MOST_THREADS = 100;
/** Frames of libraries that may lie above the cell's. */
const MOST_FRAMES = 2000;
/** A frame's code carries marks in the bits that an address leaves free. */
const ADDRESS = ~3;
const NO_LOCATION = 15;
const LONG_LOCATION = 14;
const LINE_LOCATION = 13;
const FIRST_ONE_LINE = 10;

export class Lines {
  #words: Int32Array;
  #python: Any;
  #request = "";
  #filename: Uint8Array | null = null;
  #offsets: Record<keyof typeof AT, number> | null = null;

  constructor(memory: SharedArrayBuffer) {
    this.#words = new Int32Array(memory);
  }

  /** Called once Python runs; where its memory is not laid out as expected, no line is told. */
  begin(python: Any): void {
    this.#python = python;
    const { HEAPU8, __PyRuntime: start } = python._module;
    const view = new DataView(HEAPU8.buffer);
    const cookie = Array.from(COOKIE, (_, at) => String.fromCharCode(HEAPU8[start + at])).join("");
    if (cookie !== COOKIE) return;
    const read = (place: number) => view.getUint32(start + COOKIE.length + 8 * place, true);
    if (read(AT.version) >>> 16 !== VERSION || read(AT.freeThreaded) !== 0) return;
    this.#offsets = Object.fromEntries(
      Object.entries(AT).map(([name, place]) => [name, read(place)]),
    ) as Record<keyof typeof AT, number>;
  }

  /** Begins with a cell, as the driver is asked for it. */
  follow(request: string): void {
    this.#request = request;
    this.#filename = null;
  }

  /** Called whenever Python looks for signals, and while it waits. */
  look(): void {
    if (this.#words[LOOK] === 0) return;
    this.#words[LOOK] = 0;
    try {
      const line = this.#line();
      if (line > 0) Atomics.store(this.#words, LINE, line);
    } catch {
      // Memory that the code has overwritten leads anywhere.
    }
  }

  #line(): number {
    const at = this.#offsets;
    if (!at) return 0;
    this.#filename ??= new TextEncoder().encode(JSON.parse(this.#request).filename);
    const { HEAPU8, __PyRuntime: start } = this.#python._module;
    const view = new DataView(HEAPU8.buffer);
    const word = (address: number) => view.getUint32(address, true);
    let thread = word(word(start + at.interpreters) + at.threads);
    for (let threads = 0; thread && threads < MOST_THREADS; threads++) {
      let frame = word(thread + at.frame);
      for (let frames = 0; frame && frames < MOST_FRAMES; frames++) {
        const code = word(frame + at.code) & ADDRESS;
        if (code > 0 && this.#isCell(HEAPU8, word(code + at.filename))) {
          const table = word(code + at.lineTable);
          const target = word(frame + at.instruction) - (code + at.instructions);
          const bytes = HEAPU8.subarray(
            table + at.bytes,
            table + at.bytes + word(table + at.bytesSize),
          );
          return lineAt(bytes, view.getInt32(code + at.firstLine, true), target);
        }
        frame = word(frame + at.previous);
      }
      thread = word(thread + at.nextThread);
    }
    return 0;
  }

  #isCell(heap: Uint8Array, text: number): boolean {
    const { textLength, text: head } = this.#offsets!;
    const name = this.#filename!;
    const view = new DataView(heap.buffer);
    // Text that is not ASCII has its characters elsewhere: such a name is never found.
    if (text === 0 || view.getUint32(text + textLength, true) !== name.length) return false;
    return name.every((byte, index) => heap[text + head + index] === byte);
  }
}

/** Reads a code object's table of locations; 0 where an instruction has no line. */
export function lineAt(table: Uint8Array, first: number, target: number): number {
  let line = first;
  let address = 0;
  let at = 0;
  const number = () => {
    let value = 0;
    for (let shift = 0;; shift += 6) {
      const byte = table[at++];
      value |= (byte & 63) << shift;
      if (!(byte & 64)) return value;
    }
  };
  while (at < table.length) {
    const head = table[at++];
    const kind = (head >> 3) & 15;
    if (kind === LONG_LOCATION || kind === LINE_LOCATION) {
      const signed = number();
      line += signed & 1 ? -(signed >> 1) : signed >> 1;
    } else if (kind >= FIRST_ONE_LINE && kind < LINE_LOCATION) line += kind - FIRST_ONE_LINE;
    address += 2 * ((head & 7) + 1);
    if (target < address) return kind === NO_LOCATION ? 0 : line;
    while (at < table.length && !(table[at] & 128)) at++;
  }
  return 0;
}
