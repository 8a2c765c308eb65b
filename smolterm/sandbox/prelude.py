# Runs inside the sandbox, after the modules that wall.py names before it, in the same namespace;
# makes the driver of cells.
#
# Everything here can be reached and broken by the code it runs: that code then lies to itself. What
# must hold is held outside.


def _prelude():
    import ast
    import asyncio
    import builtins
    import inspect
    import io
    import json
    import linecache
    import os
    import random
    import sys
    import time
    import types
    from itertools import islice

    import _smolterm_bridge
    from importlib.machinery import PathFinder

    from pyodide.ffi import run_sync

    bridge_call = _smolterm_bridge.call
    bridge_sleep = _smolterm_bridge.sleep
    bridge_fetch = _smolterm_bridge.fetch
    bridge_show = _smolterm_bridge.show
    shield = _smolterm_bridge.shield

    MOST_REPR = 1_000_000
    MOST_NAMES = 1_000
    # Names of the newest variables among which those are looked for that count.
    MOST_LOOKED_THROUGH = 10_000
    # Cells whose text is kept, for tracebacks into their functions.
    MOST_SOURCES = 200
    RESERVE = 8 << 20

    class Answered(BaseException):
        """Ends a cell: final_answer was called. Not an Exception, so that code does not catch it."""

    class ToolError(Exception):
        """A tool refused or failed."""

    class Cell:
        answered = False
        answer = None
        cancelled = False
        reserve = None
        tight = False
        depth = 100
        seeded = False
        filename = ""

    ToolError.__module__, ToolError.__qualname__ = "builtins", "ToolError"
    cell = Cell()
    loop = asyncio.get_event_loop()
    main = types.ModuleType("__main__")
    sys.modules["__main__"] = main
    space = main.__dict__
    space["__builtins__"] = builtins
    builtins.ToolError = ToolError
    ours = set()

    def final_answer(answer=None):
        """End the task with this answer."""
        if not cell.answered:
            cell.answered = True
            cell.answer = answer
        raise Answered

    ANSWER = "__final_answer__"
    builtins.final_answer = final_answer
    setattr(builtins, ANSWER, final_answer)

    def call(tool, args, kwargs):
        request = json.dumps(
            {
                "tool": tool,
                "args": encode(list(args), cell.depth + 1),
                "kwargs": encode(kwargs, cell.depth + 1),
                "line": calling_line(),
            }
        )
        reply = json.loads(bridge_call(request))
        if "error" in reply:
            kind = {"PermissionError": PermissionError, "RuntimeError": RuntimeError}
            raise kind.get(reply["error"], ToolError)(reply["message"])
        return decode(reply["value"])

    def calling_line():
        frame = sys._getframe(1)
        while frame is not None and frame.f_code.co_filename != cell.filename:
            frame = frame.f_back
        return frame and frame.f_lineno

    def make_tool(spec):
        name = spec["name"]

        def tool(*args, **kwargs):
            return call(name, args, kwargs)

        tool.__name__ = tool.__qualname__ = name
        tool.__module__ = "tools"
        tool.__doc__ = name + spec["signature"] + "\n\n" + spec["doc"]
        return tool

    def set_tools(specs):
        for name in ours:
            if hasattr(builtins, name):
                delattr(builtins, name)
        ours.clear()
        builtins.display = showing.display
        for spec in specs:
            setattr(builtins, spec["name"], make_tool(spec))
            ours.add(spec["name"])

    def sleep(seconds):
        if seconds != seconds or seconds < 0:
            raise ValueError("sleep length must be non-negative")
        flush()
        bridge_sleep(float(seconds))

    sleep.__doc__ = time.sleep.__doc__
    time.sleep = sleep

    def fresh_stream(number, errors):
        raw = io.FileIO(number, "w", closefd=False)
        return io.TextIOWrapper(
            io.BufferedWriter(raw, 1 << 16), encoding="utf-8", errors=errors,
            line_buffering=True,
        )

    def fresh_streams():
        sys.stdout = sys.__stdout__ = fresh_stream(1, "surrogateescape")
        sys.stderr = sys.__stderr__ = fresh_stream(2, "backslashreplace")

    fresh_streams()

    def flush():
        for stream in (sys.stdout, sys.stderr, sys.__stdout__, sys.__stderr__):
            try:
                stream.flush()
            except (AttributeError, ValueError, OSError):
                pass

    described = Variables()
    showing = Showing(bridge_show, flush, lambda value: short_repr(value, MOST_REPR))
    builtins.display = showing.display

    class AnswerCalls(ast.NodeTransformer):
        """Lets final_answer(...) end the task even where a variable took its name."""

        def visit_Call(self, node):
            self.generic_visit(node)
            if isinstance(node.func, ast.Name) and node.func.id == "final_answer":
                node.func.id = ANSWER
            return node

    def shadows(tree):
        if "final_answer" in space and not callable(space["final_answer"]):
            return True
        return any(
            isinstance(node, ast.Name)
            and node.id == "final_answer"
            and isinstance(node.ctx, ast.Store)
            for node in ast.walk(tree)
        )

    def compiled(code, filename):
        tree = ast.parse(code, filename)
        if "final_answer" in code and shadows(tree):
            tree = AnswerCalls().visit(tree)
        last, name = None, ""
        if tree.body and isinstance(tree.body[-1], ast.Expr):
            last = ast.Expression(tree.body.pop().value)
            name = last.body.id if isinstance(last.body, ast.Name) else ""
        flags = ast.PyCF_ALLOW_TOP_LEVEL_AWAIT
        return (
            compile(tree, filename, "exec", flags, dont_inherit=True),
            last and compile(last, filename, "eval", flags, dont_inherit=True),
            name,
        )

    def evaluate(code):
        value = eval(code, space)
        if code.co_flags & inspect.CO_COROUTINE:
            value = run_sync(asyncio.ensure_future(value))
        return value

    def cancel_tasks():
        """Interrupt code that awaits: nothing of it runs that a signal could strike."""
        cell.cancelled = True
        for task in all_tasks(loop):
            task.cancel()

    def carried(value):
        try:
            return encode(value, cell.depth)
        except (TooLarge, RecursionError) as error:
            return {"$": "opaque", "type": type(value).__name__, "v": str(error)}

    def variables():
        found = []
        for name in islice(reversed(space), MOST_LOOKED_THROUGH):
            if type(name) is str and not name.startswith("_") and name not in ours:
                found.append(name)
                if len(found) == MOST_NAMES:
                    break
        return found[::-1]

    def descriptions(names):
        try:
            return described.describe(names, space)
        except BaseException:
            # No memory is left, or the code has broken what this is made of.
            return []

    sources = {}

    def keep_source(filename, code):
        linecache.cache[filename] = (len(code), None, code.splitlines(True), filename)
        sources.pop(filename, None)
        sources[filename] = None
        if len(sources) > MOST_SOURCES:
            oldest = next(iter(sources))
            del sources[oldest]
            linecache.cache.pop(oldest, None)

    def is_cell(filename):
        return filename in sources or filename.startswith("<cell ")

    def run_cell(request):
        request = json.loads(request)
        code, filename = request["code"], request["filename"]
        keep_source(filename, code)
        if "argv" in request:
            sys.argv = request["argv"]
        cell.answered, cell.answer, cell.cancelled = False, None, False
        cell.depth, cell.filename = request["depth"], filename
        showing.begin()
        result = {}
        try:
            try:
                if not cell.seeded:
                    # Within a cell, so that what it takes is recorded with it.
                    cell.seeded = True
                    random.seed()
                shield(False)
                body, last, name = compiled(code, filename)
                evaluate(body)
                if last:
                    value = evaluate(last)
                    if value is not None and "echo" in request:
                        builtins._ = value
                    result["value"] = short_repr(value, MOST_REPR)
                    result["value_data"] = carried(value)
                    showing.last(value, name)
                showing.figures()
                flush()
            finally:
                shield(True)
        except Answered:
            pass
        except SystemExit as error:
            result["error"] = described_error(error, is_cell)
            result["status"] = exit_status(error)
            if result["status"] == 1 and type(error.code) is not int:
                print(error.code, file=sys.stderr)
        except BaseException as error:
            error = told(error)
            if isinstance(error, MemoryError):
                # Whatever filled the memory is still held: the next cell runs in this room.
                cell.reserve, cell.tight = None, True
            if cell.cancelled and isinstance(error, asyncio.CancelledError):
                error = KeyboardInterrupt().with_traceback(error.__traceback__)
            result["error"] = described_error(error, is_cell)
            result["lines"] = lines_of(error, filename)
        if cell.answered:
            result.pop("error", None)
            result["answered"] = True
            result["answer"] = short_repr(cell.answer, MOST_REPR)
            result["answer_data"] = carried(cell.answer)
        flush()
        if sys.stdout is None or getattr(sys.stdout, "closed", False):
            fresh_streams()
        result["names"] = variables()
        result["variables"] = descriptions(result["names"])
        return json.dumps(result)

    def rows(name, first, count):
        if name not in space:
            return {"why": "is no variable"}
        table = rows_of(space[name], first, count)
        return {"table": table} if table else {"why": "has no rows"}

    operations = {
        "rows": rows,
        "tools": lambda specs: set_tools(specs),
        "complete": lambda text: {"found": complete(text, space)},
    }

    def do_named(name, args):
        """Do what the host asks for between two cells."""
        try:
            return json.dumps(operations[name](**json.loads(args)) or {})
        except Exception as error:
            return json.dumps({"error": type(error).__name__ + ": " + str(error)})

    all_tasks = asyncio.all_tasks

    def rest():
        """Called when nothing is to be done; whether tasks wait in the event loop."""
        if cell.reserve is None:
            try:
                if cell.tight:
                    # Only when there is room again: cells need it more than we do.
                    bytearray(4 * RESERVE)
                    cell.tight = False
                cell.reserve = bytearray(RESERVE)
            except MemoryError:
                pass
        return bool(all_tasks(loop))

    unpacking = types.ModuleType("unpack")
    exec(compile(_unpack_source, "<unpack>", "exec"), unpacking.__dict__)
    WHEELS = "/tmp/.wheels"

    def install(sizes, kinds):
        """Unpack the archives that lie one after the other in a file, and load native code."""
        shared, native = [], []
        try:
            with open(WHEELS, "rb") as file:
                for size, kind in zip(sizes, kinds):
                    _, found = unpacking.unpack(file.read(size), kind)
                    (shared if kind == "shared_library" else native).extend(found)
        finally:
            os.unlink(WHEELS)
        # All of it at once and first, so that what is kept of the state later holds.
        unpacking.load_native(shared, True)
        unpacking.load_native(native)

    operations["install"] = install

    class Packages:
        """Asks the host for what a cell imports and nothing here has."""

        @staticmethod
        def find_spec(name, path=None, target=None):
            if path is not None or name in sys.stdlib_module_names or not asked_by_cell():
                return None
            bridge_fetch("package", json.dumps({"module": name}), WHEELS)
            with open(WHEELS, "rb") as file:
                reply = json.loads(file.readline())
                rest = file.read()
            if "error" in reply:
                os.unlink(WHEELS)
                raise ModuleNotFoundError(reply["message"], name=name)
            with open(WHEELS, "wb") as file:
                file.write(rest)
            del rest
            install(reply["sizes"], reply["kinds"])
            return PathFinder.find_spec(name)

    def asked_by_cell():
        """Whether the import stands in a cell: what libraries only try is nobody's wish."""
        frame = sys._getframe(2)
        while frame is not None and "importlib" in frame.f_code.co_filename:
            frame = frame.f_back
        return frame is not None and is_cell(frame.f_code.co_filename)

    sys.meta_path.append(Packages)
    sys.meta_path.insert(0, Plots(showing))

    def finish(options):
        """What must be done anew in every process, also in one that starts from a snapshot."""
        import _pyodide._importhook as importhook

        for name in list(sys.modules):
            if name.partition(".")[0] in ("_smolterm_bridge", "js", "pyodide_js"):
                del sys.modules[name]
        # What asyncio.run asks Pyodide for, as plain Python.
        stand_in = types.ModuleType("pyodide_js._api")
        stand_in.config = types.SimpleNamespace(enableRunUntilComplete=True)
        sys.modules["pyodide_js._api"] = stand_in
        for name in ("_smolterm_bridge", "js", "pyodide_js"):
            try:
                importhook.unregister_js_module(name)
            except ValueError:
                pass
        if sys.modules.get("tempfile"):
            sys.modules["tempfile"]._name_sequence = None

    # The first call of one of these makes a string that is numbered for good: the same in each process.
    shield(True)
    sys._smolterm = run_cell, do_named, cancel_tasks, rest, finish


_prelude()
