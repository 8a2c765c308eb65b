"""Sessions that go on: which one the flags mean, with which model, and a shelf of all of them."""

from __future__ import annotations

import argparse
import os
import sys
from pathlib import Path

import msgspec

from smolterm.build import build_model, build_session
from smolterm.config import Config, Settings
from smolterm.errors import ConfigError, NoKey
from smolterm.policy import MODES
from smolterm.printable import printable
from smolterm.session import Session
from smolterm.sessions.past import Past, mode_of
from smolterm.sessions.shelf import Shelf


def chosen(arguments: argparse.Namespace, config: Config) -> tuple[Config, Past]:
    """Return what the flags ask to go on from, and the settings with its model.

    Raises:
        UsageError: there is no such session or step.
        StoreError: it is open in another process, or the store is damaged.
    """
    from smolterm.sessions.book import Book
    from smolterm.sessions.commands import split_step

    with Book() as book:
        if arguments.fork:
            name, step = split_step(arguments.fork)
            past = book.forked(book.identify(name), step)
        elif arguments.resume:
            past = book.past(book.identify(arguments.resume))
        else:
            past = book.past(book.newest())
        for text in book.said:
            sys.stderr.write(f"smolterm: {printable(text)}\n")
    given = {name for name, origin in config.origins.items() if origin == "flag"}
    given |= {"mode"} if arguments.yes else set()
    settings = as_before(config.settings, past, given=given)
    return msgspec.structs.replace(config, settings=settings), past


def as_before(settings: Settings, past: Past, *, given: set[str]) -> Settings:
    """Return the settings with what a session had: model, mode, and the folder to read.

    Args:
        given: names of the settings that are flags: they count.
    """
    mode, folder = mode_of(past.events), past.folder
    if "mode" not in given and mode in MODES:
        settings = msgspec.structs.replace(settings, mode=mode)
    # Whether anything may be written there is asked for anew: --write.
    if "folder" not in given and folder and Path(folder).is_dir():
        settings = msgspec.structs.replace(settings, folder=folder)
    return _with_model(settings, past, given)


def _with_model(settings: Settings, past: Past, given: set[str]) -> Settings:
    """Return them with the session's own model, asked where it was asked.

    What was said to a server of one's own must not go to the provider whose name it bears.
    """
    if "model" in given or not past.model:
        return settings
    if past.model.startswith("replay:"):
        return msgspec.structs.replace(settings, model=f"replay:{past.address or past.model[7:]}")
    if past.address.startswith("/"):
        local = past.model if past.model.startswith("local/") else past.address
        return msgspec.structs.replace(settings, model=local, api_base="")
    base = settings.api_base if "api_base" in given else _own_address(past)
    return msgspec.structs.replace(settings, model=past.model, api_base=base)


def _own_address(past: Past) -> str:
    """Return where the model was asked, unless that is where its provider is anyhow."""
    from smolterm.models.providers import resolve

    try:
        usual = resolve(past.model, None, os.environ).base_url
    except (ConfigError, NoKey):
        return past.address
    return "" if usual == past.address else past.address


def shelf(settings: Settings, *, yes: bool = False, spare: bool = True) -> Shelf[Session]:
    """Return all sessions, for a front end that goes from one to another.

    Args:
        yes, spare: see `build_session`.
    """

    def make(past: Past) -> Session:
        own = as_before(settings, past, given=set())
        return build_session(own, model=build_model(own), yes=yes, spare=spare, resume=past)

    return Shelf(make)
