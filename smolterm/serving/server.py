"""The server behind the pages: on this machine alone, and for whoever has the token.

Of textual-serve it takes what the browser runs. That package's own server asks for no token, hands
the command to a shell, waits without end for a process that hangs, and its page loads a font from
another site; so what stands here is ours.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from importlib.resources import files
from pathlib import Path

from aiohttp import WSMsgType, web

from smolterm.serving.door import Door
from smolterm.serving.screen import Screen
from smolterm.serving.wire import MOST_TYPED, answer, from_page, last_screen, size

MOST_SCREENS = 4
HEARTBEAT = 20.0
"""Seconds between two looks at whether a page is still there."""

_FULL = "As many sessions are open as may be at once. Close a page, then try again."

# Styles: the terminal makes its own as it runs.
_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; font-src 'self'; "
    "img-src 'self' data:; connect-src 'self' ws://127.0.0.1:{port} ws://localhost:{port}; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
_HEADERS = {
    "Cache-Control": "no-store",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), clipboard-read=(), geolocation=(), microphone=()",
    "Referrer-Policy": "no-referrer",
    "Server": "smolterm",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
}

# A redirect by status would do, were the cookie not `SameSite=Strict`: where another page links
# here, a browser sends none along until a page of ours has asked for the next.
_ENTRANCE = """\
<!doctype html><meta charset="utf-8"><meta http-equiv="refresh" content="0;url={folder}">
<title>smolterm</title><a href="{folder}">smolterm</a>
"""

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


class Server:
    """The routes, and the sessions that are open.

    Args:
        command: what draws on a page.
        say: tells whoever started the server.
        most: sessions at once.
    """

    def __init__(
        self,
        command: Sequence[str],
        door: Door,
        say: Callable[[str], None],
        most: int = MOST_SCREENS,
    ) -> None:
        self._command, self._door, self._say, self._most = command, door, say, most
        self._screens: set[Screen] = set()
        self._closing = False
        self._page = (_own() / "page.html").read_text("utf-8")

    def app(self) -> web.Application:
        app = web.Application(middlewares=[self._guard])
        app.on_response_prepare.append(self._add_headers)
        folder, route = self._door.folder, app.router
        route.add_get("/", self._enter)
        route.add_get(folder, self._show_page)
        route.add_get(f"{folder}ws/{{shade:dark|light}}", self._open)
        route.add_static(f"{folder}static", _library())
        route.add_static(f"{folder}own", _own())
        return app

    async def end(self) -> None:
        """End every session and all that it started; no other one begins."""
        self._closing = True
        await asyncio.gather(*(screen.end() for screen in self._screens))

    @web.middleware
    async def _guard(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        headers = request.headers
        refusal = self._door.refusal(
            request.method, request.path, hosts=headers.getall("Host", []),
            cookies=request.cookies, token=request.query.get("token", ""),
            origins=headers.getall("Origin", []), upgrades="Upgrade" in headers,
        )  # fmt: skip
        if refusal:
            return web.Response(status=403, text=f"smolterm: {refusal}\n")
        return await handler(request)

    async def _add_headers(self, request: web.Request, response: web.StreamResponse) -> None:
        response.headers.update(_HEADERS)
        response.headers["Content-Security-Policy"] = _POLICY.format(port=self._door.port)

    async def _enter(self, request: web.Request) -> web.Response:
        text = _ENTRANCE.format(folder=self._door.folder)
        headers = {"Set-Cookie": self._door.cookie}
        return web.Response(text=text, content_type="text/html", headers=headers)

    async def _show_page(self, request: web.Request) -> web.Response:
        return web.Response(text=self._page, content_type="text/html")

    async def _open(self, request: web.Request) -> web.WebSocketResponse:
        """Open a session for as long as its page is there."""
        page = web.WebSocketResponse(
            heartbeat=HEARTBEAT, max_msg_size=MOST_TYPED, compress=False, timeout=2.0
        )
        screen = Screen(self._command)
        full = self._closing or len(self._screens) >= self._most
        if not full:
            self._screens.add(screen)
        try:
            await page.prepare(request)
            if full:
                await page.send_bytes(last_screen([_FULL]))
                await page.close()
                return page
            light = request.match_info["shade"] == "light"
            await screen.start(
                size(request.query.get("width"), request.query.get("height")), light=light
            )
            drawing = asyncio.create_task(self._draw(screen, page))
            await _read(page, screen)
            await screen.end()
            await drawing
        finally:
            await screen.end()
            self._screens.discard(screen)
        return page

    async def _draw(self, screen: Screen, page: web.WebSocketResponse) -> None:
        """Draw until the session is over, and leave its last words on the page and here."""

        async def send(data: bytes) -> None:
            with suppress(ConnectionError):
                await page.send_bytes(data)

        await screen.show(send)
        words = screen.last_words()
        self._say("".join(f"{line}\n" for line in words))
        await send(last_screen(words))
        await page.close()


async def _read(page: web.WebSocketResponse, screen: Screen) -> None:
    """Hand on what a page says, until it is gone."""
    async for message in page:
        if message.type is not WSMsgType.TEXT:
            continue
        if (data := from_page(message.data)) is not None:
            await screen.take(data)
        elif said := answer(message.data):
            with suppress(ConnectionError):
                await page.send_str(said)


def _own() -> Path:
    return Path(__file__).parent / "web"


def _library() -> Path:
    """Return the folder of what textual-serve has a browser run."""
    return Path(str(files("textual_serve"))) / "static"
