// Keeps Python from JavaScript: its objects show nothing to Python once it has started, and no
// WebAssembly is loaded that the host did not hand over.

import { sha256 } from "./digest.ts";

// deno-lint-ignore no-explicit-any
type Any = any;

/** Pyodide's functions that read or change JavaScript's objects by name. */
const BY_NAME = [
  "JsProxy_GetAttr_js",
  "JsProxy_SetAttr_js",
  "JsProxy_DelAttr_js",
  "JsProxy_Dir_js",
  "JsObjMap_GetIter_js",
  "JsObjMap_ass_subscript_js",
  "JsObjMap_contains_js",
  "JsObjMap_length_js",
  "JsObjMap_subscript_js",
  "JsvObject_Entries",
  "JsvObject_Keys",
  "JsvObject_Values",
  "JsvObject_CallMethod",
  "JsvObject_CallMethod_NoArgs",
  "JsvObject_CallMethod_OneArg",
  "JsvObject_CallMethod_TwoArgs",
  "JsvObject_SetAttr",
  "JsvFunction_Construct",
  "JsModule_GetAll_js",
];
/** Methods by which iterators and promises are used. */
const METHODS = new Set(["next", "return", "throw", "then"]);
const DYLINK = "dylink";

let closed = false;
const known = new Set<string>();

/** From now on both doors are closed; before, Pyodide itself goes through them. */
export function close(): void {
  closed = true;
}

/** Lets libraries through that the host handed over, by their SHA-256. */
export function admit(digests: unknown): void {
  if (!Array.isArray(digests)) return;
  for (const digest of digests) if (typeof digest === "string") known.add(digest);
}

/** Wraps them in place: what looks functions up by name later finds the wrapped ones too. */
export function guardObjects(imports: Any): void {
  for (const name of BY_NAME) {
    const real = imports[name];
    const isCall = name.startsWith("JsvObject_CallMethod");
    const guarded = (object: Any, ...rest: Any[]) => {
      if (closed && !(isCall && METHODS.has(rest[0]))) object = Object.create(null);
      return real(object, ...rest);
    };
    guarded.sig = real.sig;
    imports[name] = guarded;
  }
}

/** A library can import Pyodide's functions with a signature of its own and so get past a guard. */
export function guardLibraries(): void {
  const scope = globalThis as Any;
  const real = scope.WebAssembly;
  const check = (source: Any) => {
    if (!closed || source instanceof real.Module) return;
    const bytes = ArrayBuffer.isView(source)
      ? new Uint8Array(source.buffer, source.byteOffset, source.byteLength)
      : new Uint8Array(source);
    // What Emscripten makes for callbacks has no such section, and nothing else can be linked.
    if (isLibrary(bytes) && !known.has(sha256(bytes))) {
      throw new real.CompileError("this library is not part of an installed package");
    }
  };
  const { Module, compile, instantiate } = real;
  real.Module = new Proxy(Module, {
    construct(target, [bytes], made) {
      check(bytes);
      return Reflect.construct(target, [bytes], made);
    },
  });
  real.compile = (bytes: Any) => {
    check(bytes);
    return compile(bytes);
  };
  real.instantiate = (source: Any, imports: Any) => {
    check(source);
    return instantiate(source, imports);
  };
}

/** Whether the first section names what dynamic linking needs: a custom one, `dylink` or newer. */
function isLibrary(bytes: Uint8Array): boolean {
  const start = new TextDecoder("latin1").decode(bytes.subarray(8, 8 + 64));
  return start.includes(DYLINK);
}
