"""A small application on the real frame, and ways to ask it: through httpx without a network, or over a socket with the real server."""

import asyncio
import io
import json
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

import httpx
import uvicorn
from starlette.types import ASGIApp

from timos.kernel.clock import Clock, SystemClock
from timos.kernel.errors import UnauthenticatedError
from timos.web.answers import Answer, json_answer
from timos.web.dispatch.frame import Frame, build
from timos.web.middleware.connection import BoundedProtocol
from timos.web.middleware.limits import SharedRates
from timos.web.middleware.log import new_log
from timos.web.middleware.settings import WebSettings
from timos.web.route import Access, Call, Handler, Route

BASE = "http://localhost:8000"
OWN_PAGE = {"Origin": BASE, "Sec-Fetch-Site": "same-origin"}
Headers = Sequence[tuple[str, str]] | dict[str, str]


class HandClock:
    """Stands still until a test moves it."""

    def __init__(self) -> None:
        self.seconds = 1000.0

    def now_ms(self) -> int:
        return int(self.seconds * 1000)

    def monotonic(self) -> float:
        return self.seconds


@dataclass(frozen=True, slots=True)
class Person:
    user_id: bytes
    is_admin: bool = False


async def by_name(call: Call) -> None:
    """Identifies by `Authorization: Bearer <name>`; `admin` is one."""
    name = (call.header("authorization") or "").removeprefix("Bearer ")
    if not name:
        raise UnauthenticatedError
    call.who = Person(name.encode(), is_admin=name == "admin")


async def fine(call: Call) -> Answer:
    return json_answer({"path": call.path, "who": call.who.user_id.decode() if call.who else None})


def route(method: str = "GET", path: str = "/api/things", handler: Handler = fine, **said: Any) -> Route:  # Any: fields of Route
    name = said.pop("name", f"{method}_{path}")
    return Route(method=method, path=path, name=name, summary="A thing", handler=handler, tag="things", **said)


def public(method: str = "GET", path: str = "/api/things", handler: Handler = fine, **said: Any) -> Route:
    return route(method, path, handler, access=Access.PUBLIC, **said)


class Site:
    """The frame over some routes, with its log."""

    def __init__(
        self,
        *routes: Route,
        identify: Callable[[Call], Awaitable[None]] = by_name,
        clock: Clock | None = None,
        app: object = None,
        missing: Route | None = None,
        shared_rates: SharedRates | None = None,
        **settings: Any,
    ) -> None:
        self._lines = io.StringIO()
        chosen: dict[str, Any] = {"hosts": ("localhost", "[::1]"), **settings}
        clock = clock or SystemClock()
        self.frame: Frame = build(
            routes,
            identify=identify,
            settings=WebSettings(**chosen),
            app=app,
            log=new_log(clock, stream=self._lines),
            missing=missing,
            clock=clock,
            shared_rates=shared_rates,
        )

    @property
    def log(self) -> str:
        return self._lines.getvalue()

    @property
    def lines(self) -> list[dict[str, Any]]:
        return [json.loads(line) for line in self.log.splitlines()]

    async def asked(
        self,
        method: str,
        path: str,
        *,
        headers: Headers = (),
        content: bytes | AsyncIterator[bytes] | None = None,
        address: str = "127.0.0.1",
    ) -> httpx.Response:
        transport = httpx.ASGITransport(app=self.frame, client=(address, 1))
        async with httpx.AsyncClient(transport=transport, base_url=BASE) as client:
            request = client.build_request(method, path, headers=_plain(headers), content=content)
            return await client.send(request)

    def ask(self, method: str, path: str, **said: Any) -> httpx.Response:
        return asyncio.run(self.asked(method, path, **said))

    def as_user(self, method: str, path: str, *, name: str = "anna", headers: Headers = (), **said: Any) -> httpx.Response:
        return self.ask(method, path, headers=[*_plain(headers), ("Authorization", f"Bearer {name}")], **said)

    def put_json(self, path: str, content: bytes, **said: Any) -> httpx.Response:
        return self.as_user("PUT", path, headers=[("Content-Type", "application/json")], content=content, **said)


def _plain(headers: Headers) -> list[tuple[str, str]]:
    return list(headers.items()) if isinstance(headers, dict) else list(headers)


@asynccontextmanager
async def served(app: ASGIApp, protocol: type[BoundedProtocol] = BoundedProtocol) -> AsyncIterator[int]:
    """The port of the real server, with the parser and loop settings of production."""
    config = uvicorn.Config(
        app,
        host="127.0.0.1",
        port=0,
        http=protocol,
        ws="none",
        lifespan="off",
        log_config=None,
        access_log=False,
        timeout_graceful_shutdown=2,
    )
    server = uvicorn.Server(config)
    task = asyncio.create_task(server.serve())
    while not server.started:  # noqa: ASYNC110 -- the server has no event to wait for
        await asyncio.sleep(0)
    try:
        yield server.servers[0].sockets[0].getsockname()[1]
    finally:
        server.should_exit = True
        await task


async def sent_raw(port: int, *pieces: bytes, pause: float = 0) -> bytes:
    """Everything the server says until it closes, to bytes written one piece after the other."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    try:
        answer = asyncio.ensure_future(_all_of(reader))
        for piece in pieces:
            if not answer.done():
                writer.write(piece)
                await asyncio.wait({answer}, timeout=pause)
        async with asyncio.timeout(10):
            return await answer
    finally:
        writer.close()


async def _all_of(reader: asyncio.StreamReader) -> bytes:
    said = bytearray()
    try:
        while piece := await reader.read(65_536):
            said += piece
    except ConnectionError:
        pass  # hung up while we were still sending; what was said before counts
    return bytes(said)
