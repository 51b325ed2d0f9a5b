"""What a route is, as data, and the `Call` that its handler is given.

Closed by default, opened by name: a route that says nothing needs a signed-in user, checks for forged requests, counts against
the user's rate, takes no body and lets nobody store the answer. Because routes are data, each such policy can be checked over all of
them.
"""

from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from enum import Enum
from types import UnionType
from typing import Any, Protocol

from starlette.types import Receive, Scope

from timos.kernel.errors import MalformedError, TimosError, TooLargeError
from timos.web.answers import Answer, Header

MAX_COOKIES = 50  # a browser that needs more is not talking to us
NOT_STORED = "private, no-store"
BODY_LIMIT_BYTES = 64 * 1024  # journal.md: documents other than an entry

TypeForm = type | UnionType  # what msgspec decodes into


class Access(Enum):
    """Who may call a route."""

    PUBLIC = "public"
    USER = "user"
    ADMIN = "admin"


class RawBody:
    """As `Route.body`: nothing is read or decoded for the handler, which takes `call.stream()` or `call.read_raw()`."""


class AnyQuery:
    """As `Route.query`: what follows the question mark is the page's own business, and is not looked at."""


class Caller(Protocol):
    """What the frame must know of `call.who`: the key of its limits, and whether admin routes are open to it."""

    @property
    def user_id(self) -> bytes: ...
    @property
    def is_admin(self) -> bool: ...


class Call:
    """One request on its way. `path`, `query` and `body` hold what the route declares, checked; `headers` what came, in lower case.

    `who` is None until the identify step set it (a `Caller`), and stays None on public routes. `app` is the application's own object.
    `answer_headers` go out with whatever answer this call gets, an error too. `address` is the client's, "" when there is none.
    The other attributes are the frame's.
    """

    __slots__ = (
        "_cookies",
        "_receive",
        "_received_bytes",
        "address",
        "answer_headers",
        "app",
        "body",
        "declared_bytes",
        "failure",
        "fixed",
        "headers",
        "held",
        "is_body_read",
        "path",
        "query",
        "refused",
        "request_id",
        "route",
        "scope",
        "who",
    )

    # Any: the route's declaration says which types these are, and the frame has checked them
    app: Any
    body: Any
    query: Any
    who: Any

    def __init__(self, scope: Scope, receive: Receive, *, request_id: str, app: object) -> None:
        self.scope = scope
        self.request_id = request_id
        self.app = app
        self.route: Route = UNMATCHED
        self.path: dict[str, str] = {}
        self.headers: dict[bytes, bytes] = {}
        self.address = ""
        self.answer_headers: list[Header] = []
        self.fixed: tuple[Header, ...] = ()
        self.refused: tuple[Header, ...] = ()
        self.held: list[Callable[[], None]] = []
        self.who = self.body = self.query = None
        self.failure: Exception | None = None
        self.declared_bytes: int | None = None
        self.is_body_read = False
        self._cookies: dict[str, str] | None = None
        self._receive = receive
        self._received_bytes = 0

    def header(self, name: str) -> str | None:
        """The value of a header, or None; the frame has refused calls that send one of the decisive ones twice."""
        value = self.headers.get(name.lower().encode("latin-1"))
        return None if value is None else value.decode("latin-1")

    @property
    def cookies(self) -> Mapping[str, str]:
        """By name. A name that came twice is left out: the second may be planted from a sibling domain, and no order tells which."""
        if self._cookies is None:
            self._cookies = parse_cookies(self.headers.get(b"cookie", b"").decode("latin-1"))
        return self._cookies

    async def stream(self, limit_bytes: int | None = None) -> AsyncIterator[bytes]:
        """The body as it comes, once. Read it before the handler returns: the deadlines guard it until then.

        Raises:
            TooLargeError: more than `limit_bytes` (by default the route's) came.
            MalformedError: the client went away in the middle.
        """
        limit = self.route.body_limit_bytes if limit_bytes is None else limit_bytes
        while not self.is_body_read:
            if piece := await self._next_piece(limit):
                yield piece

    async def read_raw(self, limit_bytes: int | None = None) -> bytes:
        """The whole body; raises as `stream` does."""
        limit = self.route.body_limit_bytes if limit_bytes is None else limit_bytes
        if self.is_body_read:
            return b""
        piece = await self._next_piece(limit)
        if self.is_body_read:  # nearly always: it came in one piece
            return piece
        pieces = [piece]
        while not self.is_body_read:
            pieces.append(await self._next_piece(limit))
        return b"".join(pieces)

    async def discard(self, limit_bytes: int) -> None:
        """Reads what is left of a refused body, up to a limit: a client that is still sending would not see the answer else."""
        try:
            while not self.is_body_read:
                await self._next_piece(limit_bytes)
        except (TooLargeError, MalformedError):
            return

    async def gone(self) -> None:
        """Returns when the client has left; for answers that are streamed."""
        while (await self._receive())["type"] != "http.disconnect":
            pass

    async def _next_piece(self, limit_bytes: int) -> bytes:
        message = await self._receive()
        if message["type"] == "http.disconnect":
            raise MalformedError("The body ended before its end.")
        piece: bytes = message.get("body", b"")
        self._received_bytes += len(piece)
        if self._received_bytes > limit_bytes:
            raise TooLargeError(f"The body is larger than {limit_bytes} bytes.")
        self.is_body_read = not message.get("more_body", False)
        return piece


Handler = Callable[[Call], Awaitable[Answer]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Route:
    """One address and all that is decided about it.

    `name` is the stable operationId. `path` has parameters as whole segments: `/api/entries/{day}`. `problems` are those beyond what
    every route of its kind can raise. `rate` names a bucket of `WebSettings.rates`, None for no limit. `deadline_seconds` replaces the
    server's, for long uploads.
    """

    method: str
    path: str
    name: str
    summary: str
    handler: Handler
    tag: str
    access: Access = Access.USER
    body: TypeForm | None = None  # None: a body is refused
    described_body: TypeForm | None = None  # for the reader of the API document, where it says more than `body`
    media_types: tuple[str, ...] = ("application/json",)  # of the body
    body_limit_bytes: int = BODY_LIMIT_BYTES
    query: type | None = None  # a msgspec Struct, or AnyQuery; None: a query is refused
    answer: TypeForm | None = None
    answer_media_type: str = "application/json"
    status: int = 200
    other_statuses: Mapping[int, TypeForm | None] = field(default_factory=dict)
    headers: tuple[str, ...] = ()  # request headers that it understands, for the reader of the API document
    problems: tuple[type[TimosError], ...] = ()
    csrf: bool = True
    rate: str | None = "api"
    cache: str = NOT_STORED  # of answers that are no errors
    vary: tuple[str, ...] = ()  # request headers that choose between answers, beside the caller's credentials
    csp: str | None = None  # None: the policy of API answers, which allows nothing
    deadline_seconds: float | None = None
    is_idempotency_keyed: bool = False
    is_described: bool = True  # in the API document: pages and their files are none of the API


def parse_cookies(text: str) -> dict[str, str]:
    """Name → value of a Cookie header, RFC 6265 section 5.4. Linear, where `http.cookies` needs seconds for a hostile 60 kB."""
    found: dict[str, str] = {}
    twice: set[str] = set()
    for pair in text.split(";", MAX_COOKIES)[:MAX_COOKIES]:
        name, has_value, value = pair.strip(" \t").partition("=")
        if not has_value:
            continue
        if name in found:
            twice.add(name)
        found[name] = value
    return {name: value for name, value in found.items() if name not in twice}


async def _nobody(call: Call) -> Answer:
    raise NotImplementedError  # the dispatcher answers before it gets here


# what a call belongs to until its path is known; also the policies of answers to unknown paths
UNMATCHED = Route(method="GET", path="unmatched", name="unmatched", summary="", handler=_nobody, tag="")
