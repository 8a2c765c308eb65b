// The broker's end of the output ring: the worker writes it, so nothing in it is believed.

import { HEADER, READ, RING_BYTES, STDERR, STDOUT, WRITTEN } from "./shared.ts";

/** What was written at once: by which stream, and the bytes. */
export type Written = [number, Uint8Array<ArrayBuffer>];

export class Ring {
  #words: Int32Array;
  #bytes: Uint8Array;

  constructor(memory: SharedArrayBuffer) {
    this.#words = new Int32Array(memory, 0, 2);
    this.#bytes = new Uint8Array(memory, 64);
  }

  /** Where the next record begins. */
  get position(): number {
    return Atomics.load(this.#words, READ);
  }

  /** Takes the next record, and makes room; null when there is none. Throws where it is broken. */
  take(): Written | null {
    const read = this.position;
    const available = (Atomics.load(this.#words, WRITTEN) - read) | 0;
    if (available === 0) return null;
    if (available < HEADER || available > RING_BYTES) throw new Error("The ring is broken.");
    const head = this.#copy(read, HEADER);
    const size = new DataView(head.buffer).getUint32(1, true);
    if (size > available - HEADER) throw new Error("A record in the ring is broken.");
    if (head[0] !== STDOUT && head[0] !== STDERR) throw new Error("Output of an unknown stream.");
    const bytes = this.#copy(read + HEADER, size);
    Atomics.store(this.#words, READ, (read + HEADER + size) | 0);
    Atomics.notify(this.#words, READ);
    return [head[0], bytes];
  }

  #copy(at: number, size: number): Uint8Array<ArrayBuffer> {
    const start = at & (RING_BYTES - 1);
    const bytes = new Uint8Array(size);
    const first = Math.min(size, RING_BYTES - start);
    bytes.set(this.#bytes.subarray(start, start + first));
    if (first < size) bytes.set(this.#bytes.subarray(0, size - first), first);
    return bytes;
  }
}

/** How many bytes at the end begin a character of UTF-8 that is not complete yet. */
export function unfinished(bytes: Uint8Array): number {
  for (let back = 1; back <= Math.min(3, bytes.length); back++) {
    const byte = bytes[bytes.length - back];
    if ((byte & 0xc0) === 0x80) continue;
    const length = byte >= 0xf0 ? 4 : byte >= 0xe0 ? 3 : byte >= 0xc0 ? 2 : 1;
    return length > back ? back : 0;
  }
  return 0;
}
