"""A page's own process: `python -P -m smolterm.serving.inside FLAGS`, the flags of serve.

Its input and output are packets (`wire`). What a person reads goes to stderr, where the server
takes it from.
"""

from __future__ import annotations

import os
import sys

from smolterm.errors import SmoltermError


def main(argv: list[str]) -> int:
    """Show the screen until the person leaves, or the page does; return the exit code."""
    sys.stdout = sys.stderr
    try:
        return _screen(argv)
    except SmoltermError as error:
        from smolterm.process import report

        report(error)
        return error.exit_code


def _screen(argv: list[str]) -> int:
    from smolterm.build import build_model, build_session
    from smolterm.config import Settings, load_config
    from smolterm.flags import serve_parser, settings_of
    from smolterm.resuming import shelf
    from smolterm.tui.app import run_app

    arguments = serve_parser().parse_args(argv)
    config = load_config(settings_of(arguments, Settings.__struct_fields__))
    settings = config.settings
    model = build_model(settings)
    session = build_session(settings, model=model, yes=arguments.yes, spare=True)
    return run_app(session, sessions=shelf(settings, yes=arguments.yes), config=config)


if __name__ == "__main__":
    code = main(sys.argv[1:])
    sys.stderr.flush()
    # As the command itself ends: nothing is left to tear down.
    os._exit(code)
