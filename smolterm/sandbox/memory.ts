// Memory kept step by step: a mirror of the newest kept state, and for each step the pages that
// lead back to the state before it.

import { PAGE } from "./shared.ts";

const WORDS = PAGE >> 2;
/** Of pages that lead back; the oldest go first. */
const MOST_UNDO_BYTES = 128 * 1024 * 1024;

/** The pages by which two states differ. */
export interface Pages {
  numbers: Uint32Array;
  bytes: Uint8Array;
}

interface Kept {
  step: number;
  /** Bytes of memory in that state. */
  size: number;
  /** What turns the state kept after this one into this one. */
  undo: Pages | null;
}

/** The states of one linear memory that can be brought back, newest last. */
export class KeptMemory {
  #mirror: Uint8Array;
  #kept: Kept[] = [];
  #undoBytes = 0;
  /** Of the first memory, the pages that the mirror has had otherwise since. */
  #first = new Map<number, Uint8Array>();
  #firstSize: number;

  constructor(first: Uint8Array) {
    this.#mirror = first;
    this.#firstSize = first.length;
  }

  has(step: number): boolean {
    return this.#kept.some((kept) => kept.step === step);
  }

  /** The newest state's bytes. */
  get newest(): Uint8Array {
    return this.#mirror;
  }

  /** Keeps memory as the state before a step; returns what changed since the state before. */
  keep(step: number, heap: Uint8Array): Pages {
    if (heap.length > this.#mirror.length) {
      const larger = new Uint8Array(heap.length);
      larger.set(this.#mirror);
      this.#mirror = larger;
    }
    const numbers = changedPages(this.#mirror, heap);
    const bytes = new Uint8Array(numbers.length * PAGE);
    const before = new Uint8Array(numbers.length * PAGE);
    let at = 0;
    for (const number of numbers) {
      const start = number * PAGE;
      this.#remember(number);
      before.set(this.#mirror.subarray(start, start + PAGE), at);
      const now = heap.subarray(start, start + PAGE);
      bytes.set(now, at);
      this.#mirror.set(now, start);
      at += PAGE;
    }
    const last = this.#kept.at(-1);
    if (last) {
      last.undo = { numbers, bytes: before };
      this.#undoBytes += before.length;
    }
    this.#kept.push({ step, size: heap.length, undo: null });
    while (this.#undoBytes > MOST_UNDO_BYTES && this.#kept.length > 1) {
      this.#undoBytes -= this.#kept.shift()!.undo!.bytes.length;
    }
    return { numbers, bytes };
  }

  /** Puts memory back to the state before a step. The states after it are forgotten. */
  bringBack(step: number, heap: Uint8Array): void {
    while (this.#kept.at(-1)!.step !== step) {
      this.#kept.pop();
      const last = this.#kept.at(-1)!;
      const { numbers, bytes } = last.undo!;
      let at = 0;
      for (const number of numbers) {
        this.#mirror.set(bytes.subarray(at, at + PAGE), number * PAGE);
        at += PAGE;
      }
      this.#undoBytes -= bytes.length;
      last.undo = null;
    }
    this.#fill(heap);
  }

  /** Puts memory to a state that another process kept, given by how it differs from the first. */
  adopt(step: number, pages: Pages, heap: Uint8Array): void {
    if (heap.length > this.#mirror.length) {
      const larger = new Uint8Array(heap.length);
      larger.set(this.#mirror);
      this.#mirror = larger;
    }
    for (const [number, bytes] of this.#first) this.#mirror.set(bytes, number * PAGE);
    this.#mirror.fill(0, this.#firstSize);
    this.#first.clear();
    let at = 0;
    for (const number of pages.numbers) {
      if ((number + 1) * PAGE > this.#mirror.length) throw new Error("A page lies outside.");
      this.#remember(number);
      this.#mirror.set(pages.bytes.subarray(at, at + PAGE), number * PAGE);
      at += PAGE;
    }
    this.#kept = [{ step, size: heap.length, undo: null }];
    this.#undoBytes = 0;
    this.#fill(heap);
  }

  #remember(number: number): void {
    const start = number * PAGE;
    if (start >= this.#firstSize || this.#first.has(number)) return;
    this.#first.set(number, this.#mirror.slice(start, Math.min(start + PAGE, this.#firstSize)));
  }

  #fill(heap: Uint8Array): void {
    heap.set(this.#mirror.subarray(0, heap.length));
    if (heap.length > this.#mirror.length) heap.fill(0, this.#mirror.length);
  }
}

function changedPages(before: Uint8Array, now: Uint8Array): Uint32Array {
  const a = new Int32Array(before.buffer, before.byteOffset, before.length >> 2);
  const b = new Int32Array(now.buffer, now.byteOffset, now.length >> 2);
  const found: number[] = [];
  const length = b.length;
  for (let start = 0, page = 0; start < length; start += WORDS, page++) {
    const end = Math.min(start + WORDS, length);
    for (let at = start; at < end; at++) {
      if (a[at] !== b[at]) {
        found.push(page);
        break;
      }
    }
  }
  return Uint32Array.from(found);
}
