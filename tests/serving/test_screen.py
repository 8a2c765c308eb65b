"""A page's process and the server in front of it, with programs that misbehave as they like."""

from __future__ import annotations

import asyncio
import os
import re
import signal
import socket
import sys
from contextlib import asynccontextmanager

import pytest

pytest.importorskip("textual_serve", reason="pip install 'smolterm[serve]'")

import aiohttp
from aiohttp import web

from smolterm.serving.door import Door
from smolterm.serving.screen import MOST_WORDS, Screen, environment
from smolterm.serving.server import Server
from tests.e2e.driving import wait_for_end

SOON = ((signal.SIGTERM, 0.2), (signal.SIGKILL, 0.2))

# It says its number, and what it is sent.
TELLS = """
import os, sys
def out(data):
    os.write(1, b"D" + len(data).to_bytes(4, "big") + data)
os.write(1, b"__GANGLION__\\n")
out(b"%d\\n" % os.getpid())
while data := os.read(0, 65536):
    out(data)
sys.stderr.write("it was \\x1b[31mgood\\n")
"""
STUBBORN = """
import os, signal, time
signal.signal(signal.SIGTERM, signal.SIG_IGN)
os.write(1, b"__GANGLION__\\nD\\0\\0\\0\\1x")
while True:
    time.sleep(100)
"""
FLOODS = """
import os, sys
sys.stderr.write("e" * (1 << 20) + "\\nlast line\\n")
sys.stderr.flush()
os.write(1, b"no packets at all\\n" * 100_000)
"""
HUGE = """
import os
os.write(1, b"__GANGLION__\\nD\\xff\\xff\\xff\\xff")
os.read(0, 1)
"""


def command(program):
    return [sys.executable, "-c", program]


async def run(screen, until=1):
    """Start it, and return what it drew once it has ended or drawn so much."""
    came, drawn = asyncio.Event(), []

    async def send(data):
        drawn.append(data)
        if len(drawn) >= until:
            came.set()

    await screen.start((80, 24), light=False)
    showing = asyncio.create_task(screen.show(send))
    waiting = asyncio.create_task(came.wait())
    await asyncio.wait({showing, waiting}, timeout=20, return_when=asyncio.FIRST_COMPLETED)
    waiting.cancel()
    return drawn, showing


def test_it_draws_and_ends_when_its_input_does():
    async def work():
        screen = Screen(command(TELLS))
        drawn, showing = await run(screen)
        await screen.end()
        await showing
        wait_for_end(int(drawn[0]), 0)
        assert screen.last_words() == ["it was good"]
        # What comes later is nobody's.
        await screen.take(b"x")
        await screen.end()

    asyncio.run(work())


def test_one_that_will_not_end_is_ended():
    async def work():
        screen = Screen(command(STUBBORN), SOON)
        drawn, showing = await run(screen)
        assert drawn == [b"x"]
        pid = screen._process.pid
        await asyncio.gather(screen.end(), screen.end())
        await showing
        with pytest.raises(ProcessLookupError):
            os.kill(pid, 0)

    asyncio.run(work())


@pytest.mark.parametrize("program", [FLOODS, HUGE, "", "import sys; sys.exit('no')"])
def test_one_that_does_not_keep_to_the_protocol_is_not_shown(program):
    async def work():
        screen = Screen(command(program), SOON)
        drawn, showing = await run(screen)
        await asyncio.wait_for(showing, 20)
        assert drawn == []
        return screen.last_words()

    words = asyncio.run(work())
    assert sum(map(len, words)) <= MOST_WORDS
    assert words == {FLOODS: words, "import sys; sys.exit('no')": ["no"]}.get(program, [])
    if program is FLOODS:
        assert words[-1] == "last line"


def test_a_page_is_the_terminal_not_the_one_that_the_server_was_started_on():
    environ = {"TMUX": "x", "KITTY_WINDOW_ID": "1", "COLORFGBG": "0;15", "OPENAI_API_KEY": "k"}
    made = environment((90, 30), light=False, environ=environ)
    assert "TMUX" not in made and "KITTY_WINDOW_ID" not in made
    assert (made["COLUMNS"], made["ROWS"], made["COLORFGBG"]) == ("90", "30", "15;0")
    assert made["OPENAI_API_KEY"] == "k"
    assert environment((90, 30), light=True, environ={})["COLORFGBG"] == "0;15"


@asynccontextmanager
async def served(program, **options):
    """Serve a program's screen; yields the server, a client that was let in, and the page's URL."""
    said = []
    with socket.create_server(("127.0.0.1", 0)) as listener:
        door = Door(listener.getsockname()[1])
        server = Server(command(program), door, said.append, **options)
        runner = web.AppRunner(server.app(), access_log=None, shutdown_timeout=5)
        await runner.setup()
        await web.SockSite(runner, listener).start()
        jar = aiohttp.CookieJar(unsafe=True)
        try:
            async with aiohttp.ClientSession(cookie_jar=jar) as client:
                async with client.get(door.address) as entrance:
                    assert entrance.status == 200
                yield server, client, f"http://127.0.0.1:{door.port}{door.folder}", said
        finally:
            await server.end()
            await runner.cleanup()


def connect(client, page):
    origin = re.match(r"http://[^/]*", page)[0]
    return client.ws_connect(f"{page}ws/dark?width=100&height=30", headers={"Origin": origin})


async def first(opened):
    return (await asyncio.wait_for(opened.receive(), 20)).data


async def once(client, page):
    async with connect(client, page) as opened:
        return await first(opened)


def test_more_pages_than_may_be_are_told_so_and_have_room_later():
    async def work():
        async with served(TELLS, most=2) as (_, client, page, _):
            async with connect(client, page) as one, connect(client, page) as two:
                pids = {int(await first(one)), int(await first(two))}
                assert len(pids) == 2
                async with connect(client, page) as three:
                    assert b"Close a page" in await first(three)
                    assert (await three.receive()).type is aiohttp.WSMsgType.CLOSE
            for pid in pids:
                await asyncio.to_thread(wait_for_end, pid, 20)
            while b"Close a page" in (drawn := await once(client, page)):
                pass
            assert int(drawn) not in pids

    asyncio.run(work())


def test_nonsense_from_a_page_is_dropped_and_keys_still_arrive():
    async def work():
        async with served(TELLS) as (_, client, page, _), connect(client, page) as opened:
            await first(opened)
            for nonsense in ("", "[", "null", '["stdin", 5]', '["quit"]', '["resize", {}]',
                             "[" * 10_000, '{"type": "quit"}'):  # fmt: skip
                await opened.send_str(nonsense)
            await opened.send_bytes(b"M\x00\x00\x00\x01x")
            await opened.send_str('["stdin", "key"]')
            assert await first(opened) == b"D\x00\x00\x00\x03key"

    asyncio.run(work())


def test_a_session_that_ends_leaves_its_last_words_on_the_page():
    async def work():
        program = "import sys; sys.exit('smolterm: \\x1b]52;c;eA==\\x07there is no such folder')"
        async with served(program) as (_, client, page, said), connect(client, page) as opened:
            words = await first(opened)
            assert b"smolterm: there is no such folder" in words
            assert b"\x1b]" not in words
            assert (await opened.receive()).type is aiohttp.WSMsgType.CLOSE
            assert said == ["smolterm: there is no such folder\n"]

    asyncio.run(work())


def test_no_session_begins_while_the_server_ends():
    async def work():
        async with served(TELLS) as (server, client, page, _):
            async with connect(client, page) as one:
                await first(one)
                await server.end()
            async with connect(client, page) as two:
                assert b"Close a page" in await first(two)

    asyncio.run(work())
