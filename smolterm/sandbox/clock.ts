// Time and randomness: as they are, or the same again in every run.

import type { BootOptions } from "./shared.ts";

// deno-lint-ignore no-explicit-any
type Any = any;

/** Milliseconds that each reading of a counting clock takes, as far as the code can see. */
const TICK = 0.01;
/** Readings and random bytes of one cell that are recorded; what comes after them differs. */
const MOST_READINGS = 500_000;
const MOST_RANDOM = 1 << 20;

/** What one cell got to see of time and randomness, to be given to it again. */
export class Tape {
  /** Gives where the sources that repeat stand: readings of the clock, then the numbers' state. */
  mark: () => number[] = () => [];
  /** Puts them back to a mark. */
  wind: (mark: number[]) => void = () => {};
  #times: number[] = [];
  #random: number[] = [];
  #timesAt = 0;
  #randomAt = 0;
  #playing = false;

  /** Begins with a cell: records, or plays what an earlier run recorded. */
  begin(recorded: Uint8Array | null): void {
    this.#times = [];
    this.#random = [];
    this.#timesAt = this.#randomAt = 0;
    this.#playing = recorded !== null && recorded.length >= 8;
    if (!this.#playing) return;
    const bytes = recorded!.slice();
    const [count] = new Uint32Array(bytes.buffer, 0, 1);
    this.#times = Array.from(new Float64Array(bytes.buffer, 8, count));
    this.#random = Array.from(bytes.subarray(8 + 8 * count));
  }

  /** Returns what was recorded since `begin`; empty where nothing was. */
  end(): Uint8Array {
    const { length } = this.#times;
    if (this.#playing || length + this.#random.length === 0) return new Uint8Array(0);
    const bytes = new Uint8Array(8 + 8 * length + this.#random.length);
    new Uint32Array(bytes.buffer, 0, 1)[0] = length;
    new Float64Array(bytes.buffer, 8, length).set(this.#times);
    bytes.set(this.#random, 8 + 8 * length);
    return bytes;
  }

  time(now: () => number): number {
    if (this.#playing) {
      return this.#timesAt < this.#times.length ? this.#times[this.#timesAt++] : now();
    }
    const reading = now();
    if (this.#times.length < MOST_READINGS) this.#times.push(reading);
    return reading;
  }

  random(bytes: Uint8Array, fill: (bytes: Uint8Array) => void): void {
    fill(bytes);
    for (let at = 0; at < bytes.length; at++) {
      if (this.#playing) {
        if (this.#randomAt < this.#random.length) bytes[at] = this.#random[this.#randomAt++];
      } else if (this.#random.length < MOST_RANDOM) this.#random.push(bytes[at]);
    }
  }
}

/** Replaces the sources of time and randomness as the options ask for it. */
export function virtualise(options: BootOptions): Tape {
  const tape = new Tape();
  const scope = globalThis as Any;
  let date = Date.now.bind(Date);
  let elapsed = performance.now.bind(performance);
  let readings = 0;
  const numbers = seedState(options.seed ?? "");
  tape.mark = () => [readings, ...numbers];
  tape.wind = ([first, ...rest]) => {
    readings = first;
    numbers.set(rest.slice(0, numbers.length));
  };
  if (options.clock !== undefined) {
    const start = options.clock;
    elapsed = () => ++readings * TICK;
    date = () => Math.floor(start + elapsed());
    Object.defineProperty(performance, "timeOrigin", { value: start });
  } else if (options.checkpoints) {
    const [realDate, realElapsed] = [date, elapsed];
    date = () => tape.time(realDate);
    elapsed = () => tape.time(realElapsed);
  }
  if (options.clock !== undefined || options.checkpoints) {
    const RealDate = Date;
    scope.Date = new Proxy(RealDate, {
      construct: (target, args, made) =>
        Reflect.construct(target, args.length ? args : [date()], made),
      apply: () => new RealDate(date()).toString(),
      get: (target, name) => name === "now" ? date : Reflect.get(target, name),
    });
    Object.defineProperty(performance, "now", { value: elapsed });
  }
  if (options.seed !== undefined || options.checkpoints) {
    const real = crypto.getRandomValues.bind(crypto);
    const fill = options.seed !== undefined
      ? seeded(numbers)
      : (bytes: Uint8Array) => tape.random(bytes, (some) => real(some as Uint8Array<ArrayBuffer>));
    const getRandomValues = (array: ArrayBufferView) => {
      fill(new Uint8Array(array.buffer, array.byteOffset, array.byteLength));
      return array;
    };
    Object.defineProperty(crypto, "getRandomValues", { value: getRandomValues });
    const word = new Uint32Array(1);
    Math.random = () => {
      getRandomValues(word);
      return word[0] / 2 ** 32;
    };
  }
  return tape;
}

/** sfc32 over a hash of the seed: small, and good enough for what must only repeat. */
function seedState(seed: string): Uint32Array {
  const state = new Uint32Array([0x9e3779b9, 0x243f6a88, 0xb7e15162, 1]);
  for (let index = 0; index < seed.length; index++) {
    state[index & 3] = Math.imul(state[index & 3] ^ seed.charCodeAt(index), 0x01000193);
  }
  for (let round = 0; round < 15; round++) random(state);
  return state;
}

function random(state: Uint32Array): number {
  const sum = (state[0] + state[1] + state[3]++) >>> 0;
  state[0] = state[1] ^ (state[1] >>> 9);
  state[1] = state[2] + (state[2] << 3);
  state[2] = ((state[2] << 21) | (state[2] >>> 11)) + sum;
  return sum;
}

function seeded(state: Uint32Array): (bytes: Uint8Array) => void {
  return (bytes) => {
    for (let at = 0; at < bytes.length; at++) bytes[at] = random(state) >>> 11;
  };
}
