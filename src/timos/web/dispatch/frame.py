"""The frame itself: every step a request takes."""

import asyncio
import os
from collections.abc import Awaitable, Callable, Iterable
from functools import partial
from http import HTTPStatus

from starlette.types import Receive, Scope, Send

from timos.kernel.clock import Clock, SystemClock
from timos.kernel.errors import ForbiddenError, InputError, MethodError, TimosError, UnauthenticatedError, UnavailableError
from timos.kernel.ids import Randomness
from timos.web import errors, strict_json
from timos.web.answers import Answer, empty
from timos.web.dispatch.table import Table
from timos.web.middleware import clients, csrf, guard, headers, log, query
from timos.web.middleware.deadlines import Deadlines
from timos.web.middleware.limits import Limits, SharedRates
from timos.web.middleware.sending import send_answer
from timos.web.middleware.settings import WebSettings
from timos.web.route import UNMATCHED, Access, Call, Caller, RawBody, Route

REQUEST_ID_BYTES = 12
DISCARD_BYTES = 1024 * 1024  # of a refused body, so that its sender sees the answer
MAX_KEY_CHARACTERS = 200  # of an Idempotency-Key
Identify = Callable[[Call], Awaitable[None]]


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


async def _not_http(scope: Scope, receive: Receive, send: Send) -> None:
    """Start and stop are the composition root's; websockets are closed before they open."""
    if scope["type"] == "websocket":
        await send({"type": "websocket.close", "code": 1008})
        return
    while (await receive())["type"] == "lifespan.startup":
        await send({"type": "lifespan.startup.complete"})
    await send({"type": "lifespan.shutdown.complete"})
