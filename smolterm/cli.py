"""The command line: what each word and flag starts; nothing heavy is imported before its use."""

from __future__ import annotations

import sys

from smolterm import __version__

TYPE_CHECKING = False  # typing itself would take longer to import than the rest of this
if TYPE_CHECKING:
    import argparse
    from typing import Any

    from smolterm.config import Config
    from smolterm.sandbox.deno import Sandbox
    from smolterm.session import Session
    from smolterm.sessions.past import Past


def main(argv: list[str] | None = None) -> int:
    """Run the command line and return the exit code."""
    argv = sys.argv[1:] if argv is None else argv
    if argv == ["--version"]:
        print(f"smolterm {__version__}")
        return 0
    from smolterm.errors import SmoltermError

    try:
        return int(_dispatch(argv))
    except SmoltermError as error:
        from smolterm.process import report

        report(error)
        return error.exit_code
    except KeyboardInterrupt:
        return 130
    except BrokenPipeError:
        sys.stdout = None
        return 141


def entry() -> None:
    """Run the command line and end the process: what the installed command calls.

    Nothing is left to tear down by then, and the interpreter takes 20 ms to find that out. Where
    the terminal was closed it would never end: the screen's input thread reads for ever.
    """
    import os

    code = main()
    try:
        for stream in (sys.stdout, sys.stderr):
            if stream is not None:
                stream.flush()
    except BrokenPipeError:
        code = 141
    except OSError as error:
        os.write(2, f"smolterm: the output cannot be written: {error.strerror}.\n".encode())
        code = code or 2
    os._exit(code)


def _dispatch(argv: list[str]) -> int:
    commands = {
        "repl": _repl,
        "serve": _serve,
        "py": _py,
        "demo": _demo,
        "setup": _setup,
        "packs": _packs,
        "packages": _packages,
        "recipes": _recipes,
        "models": _models,
        "sessions": _sessions,
        "doctor": _doctor,
        "completion": _completion,
    }
    if argv and argv[0] in commands:
        return commands[argv[0]](argv[1:])
    return _agent(argv)


def _agent(argv: list[str]) -> int:
    from smolterm.flags import agent_parser

    arguments = agent_parser().parse_args(argv)
    config, past = _chosen(arguments)
    if arguments.print or not _has_terminal():
        return _one_shot(arguments, config, past)
    for name in ("output", "output_file", "output_schema", "out"):
        if getattr(arguments, name) is not None:
            from smolterm.errors import UsageError

            flag = "--" + name.replace("_", "-")
            raise UsageError(f"{flag} is for one answer.", next="Add -p.")
    from smolterm.tui.terminal import asked

    # The terminal answers while the screen's libraries are imported.
    with asked(config.settings.theme):
        return _tui(arguments, config, past)


def _chosen(arguments: argparse.Namespace) -> tuple[Config, Past | None]:
    """Return the settings in force, and the session that goes on, if one does."""
    config = _config(arguments)
    if arguments.continue_ or arguments.resume or arguments.fork:
        from smolterm.resuming import chosen

        return chosen(arguments, config)
    return config, None


def _config(arguments: argparse.Namespace) -> Config:
    from smolterm.config import Settings, load_config
    from smolterm.flags import settings_of

    config = load_config(settings_of(arguments, Settings.__struct_fields__))
    if config.settings.packs:
        from smolterm.packs.adding import trusted_first

        # Before anything draws on the terminal.
        trusted_first(config.settings.packs)
    if config.settings.tools:
        from smolterm.packs.writing.files import files_trusted_first

        files_trusted_first(config.settings.tools)
    return config


def _has_terminal() -> bool:
    return sys.stdout.isatty() and sys.stderr.isatty()


def _one_shot(arguments: argparse.Namespace, config: Config, past: Past | None) -> int:
    from smolterm.early import launch_model
    from smolterm.errors import UsageError

    if not arguments.print:
        raise UsageError(
            "There is no terminal to open the screen on.",
            next='Give a task for one answer: smolterm -p "task".',
        )
    launched = launch_model(config.settings)

    from pathlib import Path

    from smolterm.build import build_model, build_session
    from smolterm.inputs import Sink, split_task
    from smolterm.oneshot import Once, run_once
    from smolterm.process import run_to_exit

    task, inputs = split_task(arguments.task, arguments.inputs or [])
    form = out = None
    if arguments.output_schema is not None:
        from smolterm.answerform import AnswerForm

        form = AnswerForm.read(Path(arguments.output_schema))
    if arguments.out is not None:
        from smolterm.pyoptions import new_folder

        out = new_folder(arguments.out)
    once = Once(
        task=task,
        inputs=tuple(map(Path, inputs)),
        out=out,
        output=arguments.output or "text",
        notes=() if form is None else (form.note(),),
        quiet=arguments.quiet,
        coloured=not arguments.plain and _wants_colours(),
    )
    model = build_model(config.settings, launched)
    reviews = [] if form is None else [form]
    session = build_session(
        config.settings, model=model, yes=arguments.yes, reviews=reviews, resume=past
    )
    sink = Sink(None if arguments.output_file is None else Path(arguments.output_file))

    async def work() -> int:
        try:
            return await run_once(session, once, sink)
        finally:
            await session.close()
            sink.close()

    return run_to_exit(work(), lambda: _interrupt(session))


def _wants_colours() -> bool:
    import os

    return sys.stderr.isatty() and not os.environ.get("NO_COLOR")


def _interrupt(what: Session | Sandbox) -> bool:
    """Pass Ctrl-C on to what runs; False when nothing does."""
    import asyncio

    if not what.busy:
        return False
    _kept.append(asyncio.get_running_loop().create_task(what.interrupt()))
    return True


_kept: list[Any] = []
"""Tasks that run by themselves; the loop holds only weak references."""


def _tui(arguments: argparse.Namespace, config: Config, past: Past | None) -> int:
    import gc
    import os
    from pathlib import Path

    import msgspec

    # Of all that start-up makes nothing becomes garbage; the app collects once the screen is up.
    gc.disable()
    from smolterm.build import build_model, build_session, reopen_terminal
    from smolterm.inputs import Piped, mount_inputs, split_task
    from smolterm.resuming import shelf
    from smolterm.tui.app import run_app

    piped = Piped()
    piped.read()
    if piped.path is not None:
        reopen_terminal()
    settings = config.settings
    if not settings.model and not settings.api_base:
        from smolterm.config import config_path
        from smolterm.tui.choose import DEMO, choose_model

        chosen = choose_model(config_path(), os.environ, settings.servers)
        if chosen is None:
            return 0
        if chosen == DEMO:
            return _demo([])
        settings = msgspec.structs.replace(settings, model=chosen)
    model = build_model(settings)
    session = build_session(settings, model=model, yes=arguments.yes, spare=True, resume=past)
    task, inputs = split_task(arguments.task, arguments.inputs or [])
    try:
        mount_inputs(session, map(Path, inputs), piped.path)
        kept = shelf(settings, yes=arguments.yes)
        return run_app(session, first_task=task, sessions=kept, config=config)
    finally:
        piped.close()


def _repl(argv: list[str]) -> int:
    from smolterm.flags import repl_parser

    arguments = repl_parser().parse_args(argv)
    config, past = _chosen(arguments)

    from smolterm.build import build_model, build_session
    from smolterm.repl import run_repl
    from smolterm.resuming import shelf

    settings = config.settings
    session = build_session(
        settings, model=build_model(settings), yes=arguments.yes, spare=True, resume=past
    )
    return run_repl(
        session,
        book=shelf(settings, yes=arguments.yes),
        config=config,
        plain=arguments.plain,
        first_task=arguments.task,
    )


def _serve(argv: list[str]) -> int:
    from smolterm.flags import serve_parser

    arguments = serve_parser().parse_args(argv)
    settings = _config(arguments).settings

    from smolterm.early import model_name
    from smolterm.serving.start import run_server

    # Better said here than on every page.
    model_name(settings)
    return run_server(argv, port=arguments.port, opens=arguments.open)


def _py(argv: list[str]) -> int:
    from smolterm.flags import py_parser, split_program
    from smolterm.pyoptions import read_options

    ours, command, program_argv = split_program(argv)
    arguments = py_parser().parse_args(ours)
    options = read_options(arguments)

    from smolterm.process import run_to_exit

    anything = arguments.json or arguments.session or command is not None or program_argv
    if not anything and sys.stdin.isatty() and sys.stdout.isatty():
        from smolterm.pyrepl import run_repl

        return run_to_exit(run_repl(options))

    from smolterm.progress import bar
    from smolterm.pyplace import Place
    from smolterm.pyrun import read_program, run_cells, run_program

    if arguments.session:
        place = Place(options, bar(), checkpoints=True)
        running = run_cells(place)
    else:
        program = read_program(command, program_argv)
        place = Place(options, bar(), checkpoints=False)
        running = run_program(place, program, as_json=arguments.json)
    return run_to_exit(running, lambda: _interrupt(place.sandbox))


def _setup(argv: list[str]) -> int:
    from smolterm.flags import setup_parser

    arguments = setup_parser().parse_args(argv)

    from smolterm.packs.wasm import build
    from smolterm.process import run_to_exit
    from smolterm.progress import bar
    from smolterm.sandbox.assets import cache_folder, set_up
    from smolterm.sandbox.prepare import remove

    async def work() -> int:
        if arguments.again:
            for name in ("deno", "sandbox", "wasm"):
                remove(cache_folder() / name)
        await set_up(bar())
        await build.set_up(cache_folder(), bar())
        print(f"The sandbox is ready in {cache_folder()}.")
        return 0

    return run_to_exit(work())


def _packs(argv: list[str]) -> int:
    from smolterm.flags import packs_parser
    from smolterm.packs.commands import run_packs

    return run_packs(packs_parser().parse_args(argv))


def _packages(argv: list[str]) -> int:
    from smolterm.flags import packages_parser
    from smolterm.packages.commands import run_packages

    return run_packages(packages_parser().parse_args(argv))


def _recipes(argv: list[str]) -> int:
    from smolterm.flags import recipes_parser
    from smolterm.recipes.commands import run_recipes

    return run_recipes(recipes_parser().parse_args(argv))


def _models(argv: list[str]) -> int:
    from smolterm.flags import models_parser
    from smolterm.models.commands import run_models

    return run_models(models_parser().parse_args(argv))


def _sessions(argv: list[str]) -> int:
    from smolterm.flags import sessions_parser
    from smolterm.sessions.commands import run_sessions

    return run_sessions(sessions_parser().parse_args(argv))


def _doctor(argv: list[str]) -> int:
    from smolterm.flags import doctor_parser

    doctor_parser().parse_args(argv)
    from smolterm.doctor import run_doctor

    return run_doctor()


def _demo(argv: list[str]) -> int:
    from smolterm.flags import demo_parser

    arguments = demo_parser().parse_args(argv)
    from smolterm.demo import run_demo

    if arguments.plain or not _has_terminal():
        return run_demo(plain=True)
    from smolterm.tui.terminal import asked

    with asked("auto"):
        return run_demo(plain=False)


def _completion(argv: list[str]) -> int:
    from smolterm.flags import completion_parser

    arguments = completion_parser().parse_args(argv)
    from smolterm.completion import script_for

    sys.stdout.write(script_for(arguments.shell))
    return 0


if __name__ == "__main__":
    entry()
