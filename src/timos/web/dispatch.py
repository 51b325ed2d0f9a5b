"""The way of a request through the frame, in one place and in this order.

    guard       bounded, unambiguous, for a name of ours: nothing is looked up before
    CORS        from here on a listed origin may read what is answered
    address     at most so many at once from one network
    route       404, 405, OPTIONS; the body as declared: 413, 415
    origin      unsafe methods: our own page, or no browser
    identify    who is asking; every route that does not say PUBLIC is closed here, before a byte of the body is read
    limits      at most so many at once and in a minute
    decode      query and body, strictly
    handler
    send        fixed headers; HEAD without body; streams watched for a client that leaves
    log         one line, after all that was held is let go

A straight line and not nested middleware: so the whole frame costs about 20 µs. An error at any step becomes an answer in one place
(`errors.py`) and is sent like every other, so it carries the same headers.
"""

import asyncio
import os
from collections.abc import Awaitable, Callable, Iterable
from functools import partial
from http import HTTPStatus
from typing import NamedTuple

from starlette.types import Receive, Scope, Send

from timos.kernel.clock import Clock, SystemClock
from timos.kernel.errors import (
    ForbiddenError,
    InputError,
    MethodError,
    NotFoundError,
    StartError,
    TimosError,
    UnauthenticatedError,
    UnavailableError,
)
from timos.kernel.ids import Randomness
from timos.web import errors, strict_json
from timos.web.answers import Answer, Header, empty
from timos.web.middleware import clients, csrf, guard, headers, log, query
from timos.web.middleware.deadlines import Deadlines
from timos.web.middleware.limits import Limits, SharedRates
from timos.web.middleware.sending import send_answer
from timos.web.middleware.settings import WebSettings
from timos.web.route import UNMATCHED, Access, Call, Caller, RawBody, Route

REQUEST_ID_BYTES = 12
DISCARD_BYTES = 1024 * 1024  # of a refused body, so that its sender sees the answer
MAX_KEY_CHARACTERS = 200  # of an Idempotency-Key
_ANY = "\0"  # stands for a parameter; no path that we look up contains it

Identify = Callable[[Call], Awaitable[None]]


class Entry(NamedTuple):
    """A route with what was worked out for it at start."""

    route: Route
    parameters: tuple[str, ...]
    fixed: tuple[Header, ...]
    refused: tuple[Header, ...]


def build(  # noqa: PLR0913 (each is named once, by the composition root)
    routes: Iterable[Route],
    *,
    identify: Identify,
    settings: WebSettings,
    app: object,
    log: log.Log,
    missing: Route | None = None,
    clock: Clock | None = None,
    random: Randomness = os.urandom,
    shared_rates: SharedRates | None = None,
) -> "Frame":
    """The ASGI application. `identify` sets `call.who` or raises; it runs for every route that is not PUBLIC, before the body is read.
    `missing` answers a browser that asks for a page where there is none; everybody else gets the problem.
    `shared_rates` stays the caller's to close.

    Raises:
        StartError: two routes with one address or name, an unknown rate, or a body type that would drop unknown fields.
    """
    table = Table(routes, settings, missing)
    clock = clock or SystemClock()
    limits = Limits(settings, clock, shared_rates)
    return Frame(table, identify=identify, settings=settings, limits=limits, app=app, log=log, clock=clock, random=random)


class Table:
    """Which route a path and method belong to. A path is one look-up; with parameters, one more for each pattern of its length."""

    __slots__ = ("_missing", "_paths", "_patterns")

    def __init__(self, routes: Iterable[Route], settings: WebSettings, missing: Route | None) -> None:
        self._missing = None if missing is None else {method: _entry(missing, (), settings) for method in ("GET", "HEAD")}
        self._paths: dict[str, dict[str, Entry]] = {}
        self._patterns: dict[int, list[tuple[int, ...]]] = {}
        names: set[str] = set()
        for route in routes:
            _check_route(route, names, settings)
            self._add(route, settings)
        for methods in self._paths.values():
            if "GET" in methods:
                methods.setdefault("HEAD", methods["GET"])
        for patterns in self._patterns.values():
            patterns.sort(key=lambda positions: (len(positions), positions))  # fewest parameters first: `current` before `{week}`

    def find(self, path: str) -> tuple[dict[str, Entry], list[str]]:
        """The entries of a path by method, and the values of its parameters.

        Raises:
            NotFoundError: no route has this path.
        """
        if methods := self._paths.get(path):
            return methods, []
        segments = path.split("/")
        for positions in self._patterns.get(len(segments), ()):
            values = [segments[position] for position in positions]
            key = segments.copy()
            for position in positions:
                key[position] = _ANY
            methods = self._paths.get("/".join(key))
            if methods and all(values):
                return methods, values
        raise NotFoundError

    def find_for(self, call: Call) -> tuple[dict[str, Entry], list[str]]:
        """As `find`, and where nothing is, the page that says so for who would look at it."""
        path = guard.plain_path(call.scope)
        try:
            return self.find(path)
        except NotFoundError:
            if self._missing is None or call.scope["method"] not in self._missing or not _is_page_wanted(call, path):
                raise
            return self._missing, []

    def _add(self, route: Route, settings: WebSettings) -> None:
        segments = route.path.split("/")
        positions = tuple(i for i, segment in enumerate(segments) if segment.startswith("{"))
        key = "/".join(_ANY if i in positions else segment for i, segment in enumerate(segments))
        methods = self._paths.setdefault(key, {})
        if route.method in methods:
            raise StartError(f"Two routes answer {route.method} {route.path}.")
        methods[route.method] = _entry(route, tuple(segments[i][1:-1] for i in positions), settings)
        patterns = self._patterns.setdefault(len(segments), [])
        if positions and positions not in patterns:
            patterns.append(positions)


class Frame:
    """One ASGI application over a table of routes. Belongs to one event loop at a time."""

    __slots__ = ("_app", "_clock", "_deadlines", "_fixed", "_identify", "_limits", "_log", "_random", "_settings", "_table")

    def __init__(
        self,
        table: Table,
        *,
        identify: Identify,
        settings: WebSettings,
        limits: Limits,
        app: object,
        log: log.Log,
        clock: Clock,
        random: Randomness,
    ) -> None:
        self._table = table
        self._identify = identify
        self._settings = settings
        self._app = app
        self._log = log
        self._clock = clock
        self._random = random
        self._limits = limits
        self._fixed = headers.fixed(UNMATCHED, settings)
        shortest = min(settings.request_seconds, settings.chunk_gap_seconds)
        self._deadlines = Deadlines(gap_seconds=settings.chunk_gap_seconds, shortest_seconds=shortest)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await _not_http(scope, receive, send)
            return
        began = self._clock.monotonic()
        request_id = self._random(REQUEST_ID_BYTES).hex()
        call = Call(scope, partial(self._deadlines.patient, receive), request_id=request_id, app=self._app)
        status = 499  # what the log says of a request that nobody waited for
        try:
            answer = await self._answered(call)
            status = answer.status
            await self._sent(call, answer, send)
        finally:
            for release in call.held:
                release()
            log.request(self._log, call, status, self._clock.monotonic() - began)
        if call.failure is not None and self._settings.does_reraise:
            raise call.failure

    async def _answered(self, call: Call) -> Answer:
        """Within the request's time. Streams are only begun here; sending is watched by `sending`."""
        task = asyncio.current_task()
        if task is None:
            raise RuntimeError("A request runs in a task of its own.")
        self._deadlines.begin(task, self._settings.request_seconds)
        try:
            answer = await self._tried(call, task)
            if not call.is_body_read and _is_worth_discarding(call):
                await call.discard(DISCARD_BYTES)
        except asyncio.CancelledError:
            if not self._deadlines.end(task):
                raise
            late = UnavailableError("This took too long and was stopped. Read what is stored before you send it again.")
            return errors.problem(late, call.request_id)
        finally:
            self._deadlines.end(task)
        return answer

    async def _tried(self, call: Call, task: asyncio.Task[object]) -> Answer:
        try:
            if (refusal := self._routed(call, task)) is not None:
                return refusal
            await self._admitted(call)
            await _decoded(call)
            return await call.route.handler(call)
        except TimosError as error:
            return errors.expected(error, call.request_id, self._log)
        except Exception as error:  # noqa: BLE001 -- the one place where everything ends that nobody raised on purpose
            call.failure = error
            return errors.unexpected(error, call.request_id, self._log)

    def _routed(self, call: Call, task: asyncio.Task[object]) -> Answer | None:
        """Finds the route and refuses what it would not read; the answer to OPTIONS, else None."""
        settings = self._settings
        guard.check(call, settings)
        is_listed = headers.cors(call, settings)
        call.address = clients.client_address(call.scope, call.headers.get(b"x-forwarded-for"), settings.proxies)
        self._limits.enter_address(call)
        methods, values = self._table.find_for(call)
        method = call.scope["method"]
        entry = methods.get(method)
        if entry is None:
            allow = ", ".join(sorted({*methods, "OPTIONS"})).encode()
            call.answer_headers.append((b"allow", allow))
            if method != "OPTIONS":
                raise MethodError
            return empty(headers=headers.preflight(allow) if is_listed else ())
        call.route = entry.route
        call.fixed = entry.fixed
        call.refused = entry.refused
        call.path = dict(zip(entry.parameters, values, strict=True))
        if entry.route.deadline_seconds is not None:
            self._deadlines.begin(task, entry.route.deadline_seconds)
        guard.check_body(call)
        return None

    async def _admitted(self, call: Call) -> None:
        route = call.route
        if route.csrf and call.scope["method"] not in csrf.SAFE_METHODS:
            csrf.check_origin(call, self._settings)
        if route.access is not Access.PUBLIC:
            await self._identify(call)
            caller: Caller | None = call.who
            if caller is None:  # an identify step that forgot to decide must not open the door
                raise UnauthenticatedError
            if route.access is not Access.USER and not caller.is_admin:
                raise ForbiddenError
            self._limits.enter_user(call)
        await self._limits.spend(call)

    async def _sent(self, call: Call, answer: Answer, send: Send) -> None:
        try:
            fixed = call.fixed if answer.status < HTTPStatus.BAD_REQUEST else call.refused
            await send_answer(call, answer, fixed or self._fixed, send, self._settings.stall_seconds)
        except Exception as error:  # noqa: BLE001 -- a stream that fails is logged like a handler that fails, and cut by not ending it
            call.failure = error
            errors.unexpected(error, call.request_id, self._log)


def _entry(route: Route, parameters: tuple[str, ...], settings: WebSettings) -> Entry:
    return Entry(route, parameters, headers.fixed(route, settings), headers.fixed(route, settings, is_error=True))


def _is_page_wanted(call: Call, path: str) -> bool:
    """Below `/api` a program asks, also where it runs in a browser."""
    return not f"{path}/".startswith("/api/") and "text/html" in (call.header("accept") or "")


async def _decoded(call: Call) -> None:
    route = call.route
    call.query = query.decode(call.scope["query_string"], route.query)
    if route.is_idempotency_keyed:
        _check_key(call.header("idempotency-key"))
    if route.body is not None and route.body is not RawBody:
        call.body = strict_json.decode(await call.read_raw(), route.body)


def _check_key(key: str | None) -> None:
    if key is not None and not (0 < len(key) <= MAX_KEY_CHARACTERS and key.isascii() and key.isprintable()):
        raise InputError(f"A key has 1 to {MAX_KEY_CHARACTERS} printable ASCII characters.", path="Idempotency-Key")


def _is_worth_discarding(call: Call) -> bool:
    """Only for a route of ours and a body that is not huge; not for a client that waits for leave to send (Expect)."""
    if call.route is UNMATCHED or b"expect" in call.headers:
        return False
    return call.declared_bytes is None or call.declared_bytes <= DISCARD_BYTES


def _check_route(route: Route, names: set[str], settings: WebSettings) -> None:
    if route.name in names:
        raise StartError(f"Two routes are named {route.name}.")
    names.add(route.name)
    if route.rate is not None and route.rate not in settings.rates:
        raise StartError(f"Route {route.name} names the rate {route.rate}, which does not exist.")
    if route.body is not None and route.body is not RawBody:
        strict_json.check_type(route.body)


async def _not_http(scope: Scope, receive: Receive, send: Send) -> None:
    """Start and stop are the composition root's; websockets are closed before they open."""
    if scope["type"] == "websocket":
        await send({"type": "websocket.close", "code": 1008})
        return
    while (await receive())["type"] == "lifespan.startup":
        await send({"type": "lifespan.startup.complete"})
    await send({"type": "lifespan.shutdown.complete"})
