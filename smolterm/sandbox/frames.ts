// What the host sends: lines of JSON, each followed by as many bytes as its `raw` says.

export type Message =
  & { id: number; raw?: number }
  & (
    | {
      op: "cell";
      request: string;
      number: number;
      output: number;
      calls: number;
      callBytes: number;
      /** Tell which line runs. */
      lines?: boolean;
    }
    | { op: "reply"; cell: number; ask: number }
    | { op: "interrupt"; cell: number }
    | { op: "do"; name: string; args: string }
  );

const NEWLINE = 10;

export class Frames {
  #handle: (message: Message, raw: Uint8Array) => void;
  #chunks: Uint8Array[] = [];
  #held = 0;
  #decoder = new TextDecoder();
  /** The line whose bytes are still on their way. */
  #waiting: Message | null = null;

  constructor(handle: (message: Message, raw: Uint8Array) => void) {
    this.#handle = handle;
  }

  push(chunk: Uint8Array): void {
    // Only a new chunk can hold the end of a line.
    let searched = this.#held;
    this.#chunks.push(chunk);
    this.#held += chunk.length;
    for (;;) {
      if (this.#waiting) {
        const size = this.#waiting.raw ?? 0;
        if (this.#held < size) return;
        const message = this.#waiting;
        this.#waiting = null;
        this.#handle(message, this.#take(size));
      } else {
        const newline = searched < this.#held ? this.#find(searched) : -1;
        if (newline < 0) return;
        const line = this.#take(newline + 1);
        if (line.length > 1) this.#waiting = JSON.parse(this.#decoder.decode(line));
      }
      searched = 0;
    }
  }

  /** Returns where the next line ends, looking from a position on. */
  #find(from: number): number {
    let base = 0;
    for (const chunk of this.#chunks) {
      if (base + chunk.length > from) {
        const at = chunk.indexOf(NEWLINE, Math.max(0, from - base));
        if (at >= 0) return base + at;
      }
      base += chunk.length;
    }
    return -1;
  }

  #take(size: number): Uint8Array {
    const taken = new Uint8Array(size);
    let at = 0;
    while (at < size) {
      const chunk = this.#chunks[0];
      const part = chunk.subarray(0, size - at);
      taken.set(part, at);
      at += part.length;
      if (part.length === chunk.length) this.#chunks.shift();
      else this.#chunks[0] = chunk.subarray(part.length);
    }
    this.#held -= size;
    return taken;
  }
}
