"""A real browser without a window, driven by its DevTools protocol, and what a page of it shows."""

from __future__ import annotations

import asyncio
import base64
import io
import itertools
import json
import os
import shutil
import signal
import subprocess
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import Any

import aiohttp
import pyte
from PIL import Image

from tests.e2e.driving import SECONDS

FLAGS = (
    "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
    "--disable-background-networking", "--disable-component-update", "--disable-sync",
    "--disable-dev-shm-usage", "--remote-debugging-port=0", "--window-size=1400,800",
)  # fmt: skip
CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser"))), None)


class Page:
    """A page, the terminal on it as its bytes say, and what it asked of whom."""

    def __init__(self, browser: Browser, target: str, session: str) -> None:
        self._browser, self.target, self._session = browser, target, session
        self.display = pyte.Screen(80, 24)
        self._stream = pyte.ByteStream(self.display)
        self.asked: list[str] = []
        """Addresses of all requests."""
        self.complaints: list[str] = []
        """What the browser refused or wondered about."""
        self.closed = asyncio.Event()
        """Its WebSocket was."""
        self._came = asyncio.Event()

    @property
    def text(self) -> str:
        return "\n".join(line.rstrip() for line in self.display.display)

    async def call(self, method: str, **params: Any) -> dict[str, Any]:
        return await self._browser.call(method, self._session, **params)

    async def until(self, true: Callable[[], bool]) -> None:
        """Return once something is true of what came."""
        try:
            async with asyncio.timeout(SECONDS):
                while not true():
                    self._came.clear()
                    await self._came.wait()
        except TimeoutError:
            raise AssertionError(f"never true; the page says:\n{self.text}") from None

    async def wait_for(self, *wanted: str) -> None:
        await self.until(lambda: all(word in self.text for word in wanted))

    async def answer(self, question: str, key: str) -> None:
        """Press a key once a question stands there and listens, which its brightness shows."""
        await self.wait_for(question)
        await self.until(lambda: self._is_bright("approve"))
        await self.press(key)

    async def press(self, keys: str) -> None:
        """Press keys as a person would; a new line is Enter."""
        for key in keys:
            name = {"\n": "Enter", "\t": "Tab"}.get(key, key)
            code = ord({"\n": "\r"}.get(key, key).upper())
            typed = {} if key == "\t" else {"text": "\r" if key == "\n" else key}
            which = {"key": name, "windowsVirtualKeyCode": code}
            await self.call("Input.dispatchKeyEvent", type="keyDown", **which, **typed)
            await self.call("Input.dispatchKeyEvent", type="keyUp", **which)

    async def run(self, script: str) -> Any:
        done = await self.call(
            "Runtime.evaluate", expression=script, awaitPromise=True, returnByValue=True
        )
        assert "exceptionDetails" not in done, done
        return done["result"].get("value")

    async def picture(self) -> bytes:
        """Return what a person sees, as PNG."""
        return base64.b64decode((await self.call("Page.captureScreenshot"))["data"])

    async def close(self) -> None:
        await self._browser.call("Target.closeTarget", targetId=self.target)

    def take(self, method: str, params: dict[str, Any]) -> None:
        match method:
            case "Network.requestWillBeSent":
                self.asked.append(params["request"]["url"])
            case "Network.webSocketCreated":
                self.asked.append(params["url"])
            case "Network.webSocketFrameSent":
                self._sent(params["response"])
            case "Network.webSocketFrameReceived" if params["response"]["opcode"] == 2:
                self._stream.feed(base64.b64decode(params["response"]["payloadData"]))
            case "Network.webSocketClosed":
                self.closed.set()
            # Without a graphics card it says that its drawing is slow.
            case "Log.entryAdded" if params["entry"]["source"] != "rendering":
                self.complaints.append(params["entry"]["text"])
            case "Runtime.exceptionThrown":
                self.complaints.append(str(params["exceptionDetails"]))
        self._came.set()

    def _sent(self, frame: dict[str, Any]) -> None:
        """Have our terminal as large as the page's own says that it is."""
        if frame["payloadData"].startswith('["resize"'):
            size = json.loads(frame["payloadData"])[1]
            self.display.resize(size["height"], size["width"])

    def _is_bright(self, word: str) -> bool:
        for number, line in enumerate(self.display.display):
            if (at := line.find(f"a {word}")) >= 0:
                return bool(self.display.buffer[number][at].bold)
        return False


class Browser:
    """The connection to a browser that runs."""

    def __init__(self, socket: aiohttp.ClientWebSocketResponse) -> None:
        self._socket = socket
        self._ids = itertools.count(1)
        self._open: dict[int, asyncio.Future[dict[str, Any]]] = {}
        self._pages: dict[str, Page] = {}

    async def call(self, method: str, session: str = "", **params: Any) -> dict[str, Any]:
        number = next(self._ids)
        answer = self._open[number] = asyncio.get_running_loop().create_future()
        message = {"id": number, "method": method, "params": params}
        await self._socket.send_json(message | ({"sessionId": session} if session else {}))
        return await asyncio.wait_for(answer, SECONDS)

    async def page(self, address: str) -> Page:
        """Open a page of its own on an address."""
        target = (await self.call("Target.createTarget", url="about:blank"))["targetId"]
        attached = await self.call("Target.attachToTarget", targetId=target, flatten=True)
        page = self._pages[attached["sessionId"]] = Page(self, target, attached["sessionId"])
        for part in ("Page", "Network", "Log", "Runtime"):
            await page.call(f"{part}.enable")
        await page.call("Page.navigate", url=address)
        return page

    async def listen(self) -> None:
        async for message in self._socket:
            said = message.json()
            if "id" not in said:
                if (page := self._pages.get(said.get("sessionId", ""))) is not None:
                    page.take(said["method"], said["params"])
            elif not (answer := self._open.pop(said["id"])).done():
                if "error" in said:
                    answer.set_exception(AssertionError(said["error"]))
                else:
                    answer.set_result(said["result"])


@asynccontextmanager
async def browser(folder: Path, *flags: str) -> AsyncIterator[Browser]:
    """Start Chromium with a profile of its own, and end it.

    Args:
        folder: for the profile.
    """
    assert CHROMIUM is not None
    process = await asyncio.create_subprocess_exec(
        CHROMIUM, *FLAGS, *flags, f"--user-data-dir={folder}", stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, start_new_session=True,
    )  # fmt: skip
    assert process.stderr is not None
    try:
        address = ""
        async with asyncio.timeout(SECONDS):
            while "DevTools listening on" not in address:
                line = await process.stderr.readline()
                assert line, "Chromium ended before it listened"
                address = line.decode()
        draining = asyncio.create_task(process.stderr.read())
        async with (
            aiohttp.ClientSession() as session,
            session.ws_connect(address.split()[-1], max_msg_size=0) as socket,
        ):
            made = Browser(socket)
            listening = asyncio.create_task(made.listen())
            yield made
            listening.cancel()
        draining.cancel()
    finally:
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        await process.wait()


def colours(picture: bytes) -> int:
    """Return how many different colours a picture has."""
    with Image.open(io.BytesIO(picture)) as image:
        return len(image.convert("RGB").getcolors(1 << 24))
