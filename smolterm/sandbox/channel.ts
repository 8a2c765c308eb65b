// The worker's way to the broker: what it prints, what it asks, and how it waits.

import { post } from "./scrub.ts";
import {
  ANSWERED,
  ASKED,
  BELL,
  FILLED,
  type FromWorker,
  HEADER,
  IDLE,
  LENGTH,
  type Memory,
  MORE,
  READ,
  REPLY_WORDS,
  RING_BYTES,
  SLICE,
  STATE,
  WRITTEN,
} from "./shared.ts";

export const send = (message: FromWorker, transfer: Transferable[] = []) => post(message, transfer);

/** The real one: the code's own may be made to count readings instead of time. */
const now = performance.now.bind(performance);

let interrupt: Uint8Array;
let bell: Int32Array;
let ring: Int32Array;
let ringBytes: Uint8Array;
let reply: Int32Array;
let replyBytes: Uint8Array;
let questions = 0;
let checkInterrupt: () => void = () => {};
let look: () => void = () => {};

/** Returns the interrupt byte. */
export function connect(memory: Memory): Uint8Array {
  interrupt = new Uint8Array(memory.interrupt, 0, 1);
  bell = new Int32Array(memory.interrupt);
  ring = new Int32Array(memory.ring, 0, 2);
  ringBytes = new Uint8Array(memory.ring, 64);
  reply = new Int32Array(memory.reply, 0, REPLY_WORDS);
  replyBytes = new Uint8Array(memory.reply, 64);
  return interrupt;
}

/** Says what raises Python's KeyboardInterrupt out of a wait, and what notes the line that waits. */
export function interruptWith(check: () => void, lookAtLine: () => void): void {
  checkInterrupt = check;
  look = lookAtLine;
}

/** Waits until a word changes, and lets an interrupt through while it waits. */
function waitWhile(words: Int32Array, index: number, value: number, most = Infinity): void {
  const end = now() + most;
  for (;;) {
    const left = Math.min(SLICE, end - now());
    if (left <= 0) return;
    look();
    Atomics.wait(words, index, value, left);
    if (interrupt[0] !== 0) checkInterrupt();
    if (Atomics.load(words, index) !== value) return;
  }
}

export function sleep(milliseconds: number): void {
  waitWhile(bell, BELL, 0, milliseconds);
}

/** Returns where in the ring the next record will begin. */
export const printed = (): number => Atomics.load(ring, WRITTEN);

/** Puts printed bytes into the ring; waits when the reader is behind, so nothing piles up. */
export function print(stream: number, bytes: Uint8Array): number {
  const most = RING_BYTES >> 2;
  for (let start = 0; start < bytes.length; start += most) {
    putRecord(stream, bytes.subarray(start, start + most));
  }
  return bytes.length;
}

function putRecord(stream: number, bytes: Uint8Array): void {
  const size = HEADER + bytes.length;
  for (;;) {
    const read = Atomics.load(ring, READ);
    if (RING_BYTES - ((Atomics.load(ring, WRITTEN) - read) | 0) >= size) break;
    send({ t: "full" });
    waitWhile(ring, READ, read);
  }
  const written = Atomics.load(ring, WRITTEN);
  const head = new Uint8Array(HEADER);
  head[0] = stream;
  new DataView(head.buffer).setUint32(1, bytes.length, true);
  putBytes(written, head);
  putBytes(written + HEADER, bytes);
  Atomics.store(ring, WRITTEN, (written + size) | 0);
}

function putBytes(at: number, bytes: Uint8Array): void {
  const start = at & (RING_BYTES - 1);
  const first = Math.min(bytes.length, RING_BYTES - start);
  ringBytes.set(bytes.subarray(0, first), start);
  if (first < bytes.length) ringBytes.set(bytes.subarray(first), 0);
}

/** Asks the host and blocks until its reply is here, handed over in pieces. */
export function ask(kind: string, request: string): Uint8Array {
  const number = questions = (questions + 1) | 0;
  Atomics.store(reply, ASKED, number);
  Atomics.store(reply, STATE, IDLE);
  Atomics.notify(reply, STATE);
  send({ t: "ask", number, kind, request: request.toWellFormed() });
  const pieces: Uint8Array[] = [];
  for (;;) {
    while (Atomics.load(reply, STATE) !== FILLED) waitWhile(reply, STATE, IDLE);
    // The rest of an answer that an interrupt cut off belongs to nobody.
    const ours = Atomics.load(reply, ANSWERED) === number;
    if (ours) pieces.push(replyBytes.slice(0, Atomics.load(reply, LENGTH)));
    const more = !ours || Atomics.load(reply, MORE) !== 0;
    Atomics.store(reply, STATE, IDLE);
    Atomics.notify(reply, STATE);
    if (!more) break;
  }
  if (pieces.length === 1) return pieces[0];
  const whole = new Uint8Array(pieces.reduce((sum, piece) => sum + piece.length, 0));
  let at = 0;
  for (const piece of pieces) {
    whole.set(piece, at);
    at += piece.length;
  }
  return whole;
}
