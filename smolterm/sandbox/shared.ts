// What broker and worker agree on: the messages between them and the layout of shared memory.

/** Bytes of printed output that may wait between worker and broker. */
export const RING_BYTES = 1 << 20;
/** Bytes of a reply handed over at once. */
export const REPLY_BYTES = 1 << 20;

/** Indices into the ring's Int32 control words. Both count bytes and wrap at 2^31. */
export const READ = 0;
export const WRITTEN = 1;

/** Indices into the reply's Int32 control words. */
export const STATE = 0;
export const LENGTH = 1;
export const MORE = 2;
/** The question that the worker waits for. */
export const ASKED = 3;
/** The question that the bytes answer. */
export const ANSWERED = 4;
export const REPLY_WORDS = 5;
/** Values of STATE. */
export const IDLE = 0;
export const FILLED = 1;

export const STDOUT = 1;
export const STDERR = 2;

/** Bytes before each record in the ring: stream, then length, little endian. */
export const HEADER = 5;

/** The interrupt byte: Python raises KeyboardInterrupt when it finds a 2. */
export const SIGINT = 2;

/** Index into the interrupt's Int32 words: whoever sleeps waits here, so that it can be woken. */
export const BELL = 1;
/** Not 0: the worker is to say which line runs. */
export const LOOK = 2;
/** The line that ran when it last looked; 0: it has not. */
export const LINE = 3;
/** Bytes of the interrupt's memory. */
export const INTERRUPT_BYTES = 16;

/** Milliseconds of a blocking wait before the interrupt byte is looked at. */
export const SLICE = 50;

/** Bytes of a page, the unit in which memory is compared and kept. */
export const PAGE = 4096;

export interface Memory {
  interrupt: SharedArrayBuffer;
  ring: SharedArrayBuffer;
  reply: SharedArrayBuffer;
}

/** How the interpreter is started. */
export interface BootOptions {
  diskBytes: number;
  /** Start slowly, in a way that a snapshot can be taken of. */
  makeSnapshot?: boolean;
  /** Makes `random`, `os.urandom` and what is built on them repeat. */
  seed?: string;
  /** Milliseconds since 1970 at which the clock starts; it then counts readings, not time. */
  clock?: number;
  /** Whether state is kept, so that it can be brought back. */
  checkpoints?: boolean;
}

export interface Boot {
  op: "boot";
  memory: Memory;
  wasm: WebAssembly.Module;
  stdlib: Uint8Array;
  snapshot: Uint8Array | null;
  /** Python's side, as texts. */
  prelude: string[];
  options: BootOptions;
}

export type ToWorker =
  | Boot
  | { op: "cell"; request: string; number: number; tape: Uint8Array | null }
  | { op: "interrupt" }
  | { op: "do"; id: number; name: string; args: string; raw: Uint8Array | null };

export type FromWorker =
  | { t: "ready"; version: string }
  | { t: "began"; printed: number }
  | { t: "failed"; why: string }
  | { t: "ask"; number: number; kind: string; request: string }
  | { t: "full" }
  | { t: "did"; id: number; result: string; raw?: Uint8Array }
  | { t: "kept"; about: string; raw: Uint8Array }
  | { t: "done"; payload: string; tape: Uint8Array };
