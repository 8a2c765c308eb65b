// The only isolate with a permission, and only for its own files and the host's socket. It starts
// the worker, carries messages between it and the host, and trusts nothing that the worker says.
//
// Arguments: socket, Pyodide's wasm, stdlib zip, snapshot or "", prelude files joined by ",",
// the options of the boot as JSON.

import { Frames, type Message } from "./frames.ts";
import { Ring, unfinished, type Written } from "./ring.ts";
import {
  ANSWERED,
  ASKED,
  BELL,
  FILLED,
  type FromWorker,
  IDLE,
  INTERRUPT_BYTES,
  LENGTH,
  LINE,
  LOOK,
  type Memory,
  MORE,
  REPLY_BYTES,
  REPLY_WORDS,
  RING_BYTES,
  SIGINT,
  SLICE,
  STATE,
  STDOUT,
  type ToWorker,
} from "./shared.ts";

const DRAIN_EVERY = 10;
/** Milliseconds until the worker must begin with what it is given, and until it is given up. */
const PATIENCE = 100;
const MOST_BUSY = 10_000;
const CHUNK = 65_536;
const MOST_PAYLOAD = 32 * 1024 * 1024;
const MOST_QUESTION = 32 * 1024 * 1024;
/** Things of one cell that are shown, and the characters and bytes of one. */
const MOST_SHOWN = 20;
const MOST_ABOUT = 2 * 1024 * 1024;
const MOST_IMAGE = 4 * 1024 * 1024;
/** Of the times that output is sent on: when the running line is asked for. */
const LOOK_EVERY = 10;
const LOOK_FIRST = 3;

const [socket, wasmPath, stdlibPath, snapshotPath, preludePaths, options] = Deno.args;

interface Cell {
  id: number;
  outputLimit: number;
  printed: number;
  dropped: number;
  pending: Map<number, Uint8Array>;
  questions: number;
  calls: number;
  callLimit: number;
  callBytes: number;
  shown: number;
  /** The running line as it was told last; null where nobody wants to know. */
  line: number | null;
  ticks: number;
  /** The question whose answer the worker waits for, as the host and as the worker count them. */
  waiting: { host: number; worker: number } | null;
}

// The worker starts first: its modules load while this isolate reads the files.
const worker = new Worker(new URL("./worker.ts", import.meta.url), {
  type: "module",
  deno: { permissions: "none" },
});

const memory: Memory = {
  interrupt: new SharedArrayBuffer(INTERRUPT_BYTES),
  ring: new SharedArrayBuffer(64 + RING_BYTES),
  reply: new SharedArrayBuffer(64 + REPLY_BYTES),
};
const interrupt = new Uint8Array(memory.interrupt, 0, 1);
const bell = new Int32Array(memory.interrupt);
const ring = new Ring(memory.ring);
const replyWords = new Int32Array(memory.reply, 0, REPLY_WORDS);
const replyBytes = new Uint8Array(memory.reply, 64);

const EMPTY = new Uint8Array(0);
const encoder = new TextEncoder();
const strict = new TextDecoder("utf-8", { fatal: true });

let cell: Cell | null = null;
/** Whether the worker has begun with the cell. */
let began = false;
let prodding: ReturnType<typeof setTimeout> | undefined;
let striking: ReturnType<typeof setInterval> | undefined;
let interrupting: ReturnType<typeof setInterval> | undefined;
let drainTimer: ReturnType<typeof setInterval> | undefined;
const performing = new Set<number>();
let replying: Promise<void> = Promise.resolve();

// --- the host's socket ---

const connection = await Deno.connect({ transport: "unix", path: socket });
const outgoing: Uint8Array[] = [];
let waitingBytes = 0;
let writing = false;

function tell(message: Record<string, unknown>, raw?: Uint8Array): void {
  const line = raw ? { ...message, raw: raw.length } : message;
  const bytes = encoder.encode(JSON.stringify(line) + "\n");
  outgoing.push(bytes);
  waitingBytes += bytes.length;
  if (raw?.length) {
    outgoing.push(raw);
    waitingBytes += raw.length;
  }
  void write();
}

async function write(): Promise<void> {
  if (writing) return;
  writing = true;
  try {
    for (let bytes = outgoing.shift(); bytes; bytes = outgoing.shift()) {
      const size = bytes.length;
      while (bytes.length > 0) bytes = bytes.subarray(await connection.write(bytes));
      waitingBytes -= size;
    }
  } catch {
    Deno.exit(1);
  }
  writing = false;
}

function die(why: string): never {
  try {
    Deno.stderr.writeSync(encoder.encode(why.slice(0, 500) + "\n"));
  } finally {
    Deno.exit(3);
  }
}

// --- printed output ---

function takeRecord(): Written | null {
  try {
    return ring.take();
  } catch (broken) {
    die(String(broken));
  }
}

/** Sends on what was printed; stops while the host is behind, which holds the worker up too. */
function drain(all: boolean): void {
  while (all || waitingBytes < RING_BYTES) {
    const record = takeRecord();
    if (record === null) break;
    if (cell !== null && began) printed(cell, record[0], record[1]);
  }
}

function printed(cell: Cell, stream: number, bytes: Uint8Array): void {
  if (cell.outputLimit > 0) {
    const room = Math.max(0, cell.outputLimit - cell.printed);
    if (bytes.length > room) {
      cell.dropped += bytes.length - room;
      bytes = bytes.subarray(0, room);
    }
    cell.printed += bytes.length;
  }
  if (bytes.length === 0) return;
  const before = cell.pending.get(stream);
  if (before) {
    const joined = new Uint8Array(before.length + bytes.length);
    joined.set(before);
    joined.set(bytes, before.length);
    bytes = joined;
  }
  const whole = bytes.length - unfinished(bytes);
  cell.pending.set(stream, bytes.slice(whole));
  if (whole > 0) emit(cell, stream, bytes.subarray(0, whole));
}

function emit(cell: Cell, stream: number, bytes: Uint8Array): void {
  const name = stream === STDOUT ? "stdout" : "stderr";
  try {
    tell({ id: cell.id, out: name, text: strict.decode(bytes) });
  } catch {
    tell({ id: cell.id, out: name, data: bytes.toBase64() });
  }
}

function tick(): void {
  if (cell === null || !began) return;
  drain(false);
  if (cell.line === null) return;
  const line = Atomics.load(bell, LINE);
  if (line !== cell.line && line > 0) {
    cell.line = line;
    tell({ id: cell.id, line });
  }
  if (++cell.ticks % LOOK_EVERY === LOOK_FIRST) Atomics.store(bell, LOOK, 1);
}

// --- replies into the worker ---

/** Hands an answer to the blocked worker, piece by piece, while it still waits for that one. */
async function hand(question: number, bytes: Uint8Array): Promise<void> {
  let at = 0;
  do {
    if (Atomics.load(replyWords, ASKED) !== question) return;
    const piece = bytes.subarray(at, at + REPLY_BYTES);
    at += piece.length;
    replyBytes.set(piece);
    Atomics.store(replyWords, LENGTH, piece.length);
    Atomics.store(replyWords, MORE, at < bytes.length ? 1 : 0);
    Atomics.store(replyWords, ANSWERED, question);
    Atomics.store(replyWords, STATE, FILLED);
    Atomics.notify(replyWords, STATE);
    while (at < bytes.length && Atomics.load(replyWords, STATE) !== IDLE) {
      if (Atomics.load(replyWords, ASKED) !== question) return;
      const { async, value } = Atomics.waitAsync(replyWords, STATE, FILLED, SLICE);
      if (async) await value;
    }
  } while (at < bytes.length);
}

function answer(question: number, bytes: Uint8Array): void {
  replying = replying.then(() => hand(question, bytes));
}

function refuse(question: number, why: string): void {
  answer(question, encoder.encode(JSON.stringify({ error: "RuntimeError", message: why })));
}

// --- from the worker ---

worker.onerror = (event) => {
  event.preventDefault();
  die(`The interpreter broke: ${event.message}`);
};

worker.onmessage = (event: MessageEvent) => {
  const message = event.data as FromWorker;
  if (typeof message !== "object" || message === null) return;
  switch (message.t) {
    case "ready":
      tell({ ready: true, python: String(message.version).slice(0, 100) });
      break;
    case "failed":
      die(`The interpreter ended: ${String(message.why)}`);
      break;
    case "began":
      stopProdding();
      // What was printed while no cell ran belongs to none.
      while (!began && ring.position !== message.printed && takeRecord() !== null);
      began = true;
      break;
    case "full":
      drain(false);
      break;
    case "did":
      did(message.id, String(message.result), message.raw);
      break;
    case "kept":
      if (message.raw instanceof Uint8Array) {
        tell({ kept: String(message.about) }, message.raw);
      }
      break;
    case "ask":
      asked(Number(message.number) | 0, String(message.kind), String(message.request));
      break;
    case "done":
      done(String(message.payload), message.tape);
      break;
  }
};

function did(id: number, result: string, raw: unknown): void {
  if (!performing.delete(id)) return;
  const bytes = raw instanceof Uint8Array ? raw : undefined;
  tell({ id, did: result, end: true }, bytes);
}

/** A line of JSON that says what it is, then the image as Base64, if there is one. */
function shown(cell: Cell, request: string): void {
  const end = request.indexOf("\n");
  const [about, image] = [request.slice(0, end), request.slice(end + 1)];
  if (end < 0 || ++cell.shown > MOST_SHOWN) return;
  if (about.length > MOST_ABOUT || image.length > MOST_IMAGE * 1.4) return;
  try {
    tell({ id: cell.id, shown: about }, image ? Uint8Array.fromBase64(image) : undefined);
  } catch {
    // It is no Base64.
  }
}

function asked(question: number, kind: string, request: string): void {
  // A question that comes late would wait for ever, and the worker with it.
  if (cell === null || !began) {
    // For standard input this is its end.
    return kind === "stdin" ? answer(question, EMPTY) : refuse(question, "The cell is over.");
  }
  drain(true);
  if (kind === "show") {
    shown(cell, request);
    return answer(question, EMPTY);
  }
  if (kind === "tool" && ++cell.calls > cell.callLimit && cell.callLimit > 0) {
    return refuse(question, `This cell may call tools ${cell.callLimit} times.`);
  }
  const most = kind === "tool" ? Math.min(cell.callBytes, MOST_QUESTION) : MOST_QUESTION;
  if (request.length > most) {
    return refuse(question, "The arguments are too large.");
  }
  cell.questions += 1;
  cell.waiting = { host: cell.questions, worker: question };
  tell({ id: cell.id, ask: cell.questions, kind: kind.slice(0, 20), request });
}

function done(payload: string, tape: unknown): void {
  if (cell === null) return;
  drain(true);
  clearInterval(interrupting);
  clearInterval(drainTimer);
  interrupting = undefined;
  interrupt[0] = 0;
  for (const [stream, rest] of cell.pending) if (rest.length > 0) emit(cell, stream, rest);
  const result = payload.length > MOST_PAYLOAD
    ? JSON.stringify({
      error: { type: "ValueError", message: "The cell's value is too large.", traceback: "" },
    })
    : payload;
  const recorded = tape instanceof Uint8Array && tape.length > 0 && tape.length <= MOST_PAYLOAD;
  tell({ id: cell.id, result, dropped: cell.dropped, end: true }, recorded ? tape : undefined);
  cell = null;
}

// --- from the host ---

function handle(message: Message, raw: Uint8Array): void {
  switch (message.op) {
    case "cell":
      cell = {
        id: message.id,
        outputLimit: message.output,
        printed: 0,
        dropped: 0,
        pending: new Map(),
        questions: 0,
        calls: 0,
        callLimit: message.calls,
        callBytes: message.callBytes,
        shown: 0,
        line: message.lines ? 0 : null,
        ticks: 0,
        waiting: null,
      };
      began = false;
      prod();
      Atomics.store(bell, LOOK, 0);
      Atomics.store(bell, LINE, 0);
      drainTimer = setInterval(tick, DRAIN_EVERY);
      give({
        op: "cell",
        request: message.request,
        number: message.number,
        tape: raw.length ? raw : null,
      });
      break;
    case "reply":
      if (cell?.id === message.cell && cell.waiting?.host === message.ask) {
        answer(cell.waiting.worker, raw);
        cell.waiting = null;
      }
      break;
    case "interrupt":
      if (cell?.id === message.cell && interrupting === undefined) {
        // One signal can get lost on its way; it is sent again until the cell is over.
        strike();
        interrupting = setInterval(strike, SLICE);
      }
      break;
    case "do":
      performing.add(message.id);
      prod();
      give({ op: "do", id: message.id, name: message.name, args: message.args, raw });
      break;
  }
}

/**
 * Work that a cell left behind may hold the worker up: it is interrupted, so that the next thing
 * gets its turn.
 */
function prod(): void {
  stopProdding();
  prodding = setTimeout(() => {
    const since = performance.now();
    striking = setInterval(() => {
      if (performance.now() - since > MOST_BUSY) {
        die("The interpreter is busy with what a cell left behind, and does not stop.");
      }
      interrupt[0] = SIGINT;
    }, SLICE);
  }, PATIENCE);
}

function stopProdding(): void {
  clearTimeout(prodding);
  clearInterval(striking);
  if (striking !== undefined && interrupting === undefined) interrupt[0] = 0;
  striking = undefined;
}

/** Sends the signal, and wakes whoever would see it only at the end of a wait. */
function strike(): void {
  interrupt[0] = SIGINT;
  Atomics.notify(bell, BELL);
  Atomics.notify(replyWords, STATE);
  give({ op: "interrupt" });
}

function give(message: ToWorker, transfer: Transferable[] = []): void {
  worker.postMessage(message, transfer);
}

async function start(): Promise<void> {
  const compiled = WebAssembly.compile(Deno.readFileSync(wasmPath));
  const stdlib = Deno.readFileSync(stdlibPath);
  const snapshot = snapshotPath ? Deno.readFileSync(snapshotPath) : null;
  const prelude = snapshot
    ? []
    : preludePaths.split(",").map((path) => Deno.readTextFileSync(path));
  give(
    {
      op: "boot",
      memory,
      wasm: await compiled,
      stdlib,
      snapshot,
      prelude,
      options: JSON.parse(options),
    },
    snapshot ? [stdlib.buffer, snapshot.buffer] : [stdlib.buffer],
  );
}

async function listen(): Promise<void> {
  const frames = new Frames(handle);
  // Not its stream of chunks, which costs each message more.
  for (;;) {
    const room = new Uint8Array(CHUNK);
    const size = await connection.read(room);
    if (size === null) return;
    frames.push(room.subarray(0, size));
  }
}

start().catch((failure) => die(String(failure)));
await listen().catch(() => {});
Deno.exit(0);
