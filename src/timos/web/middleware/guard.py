"""The outermost step: what a request must look like before anything is looked up or decided for it.

1. Bounded: number and size of headers, size of the body as declared. What is not declared is counted while it is read (`route.Call`).
2. Unambiguous: no decisive header twice, no two lengths, no coding of the body. Proxies and servers that read such requests differently
   are how requests are smuggled (RFC 9112 section 11.2).
3. Ours: Host is a name from the list, or a page elsewhere could reach a server at home under its own name (DNS rebinding).
"""

from functools import lru_cache

from starlette.types import Scope

from timos.kernel.errors import MalformedError, MediaTypeError, MisdirectedError, NotFoundError, TooLargeError
from timos.web.middleware.settings import WebSettings
from timos.web.route import Call

CACHED_HOSTS = 256
MAX_LENGTH_DIGITS = 15  # a longer Content-Length is over every limit, and int() need not see it

_ONCE = frozenset(
    {
        b"authorization",
        b"content-encoding",
        b"content-length",
        b"content-type",
        b"cookie",  # several are legal in HTTP/2 only, and proxies join them on their way to us
        b"expect",
        b"host",
        b"idempotency-key",
        b"if-match",
        b"if-none-match",
        b"origin",
        b"range",
        b"sec-fetch-site",
        b"transfer-encoding",
        b"x-csrf-token",
        b"x-step-up",
    }
)


def check(call: Call, settings: WebSettings) -> None:
    """Fills `call.headers` and `call.declared_bytes`.

    Raises:
        TooLargeError: too many or too large headers.
        MalformedError: a header that must come once came twice, or lengths that contradict each other.
        MisdirectedError: Host is missing or not one of ours.
        MediaTypeError: the body is compressed.
    """
    call.headers = read_headers(call.scope, settings)
    if not is_ours(call.headers.get(b"host", b""), settings.hosts):
        raise MisdirectedError
    if call.headers.get(b"content-encoding", b"identity").lower() != b"identity":
        # unpacking would need limits of its own (a zip bomb is 1:1000); nothing that we take needs it
        raise MediaTypeError("Send the body as it is, without Content-Encoding.")
    call.declared_bytes = declared_bytes(call.headers)
    call.is_body_read = call.declared_bytes == 0


def check_body(call: Call) -> None:
    """Refuses what the route would not read: before a byte of it was.

    Raises:
        TooLargeError: more is declared than the route takes.
        MalformedError: the route takes no body.
        MediaTypeError: not a type that it takes.
    """
    route = call.route
    if call.is_body_read and route.body is None:
        return
    if route.body is None:
        raise MalformedError("This address takes no body.")
    if call.declared_bytes is not None and call.declared_bytes > route.body_limit_bytes:
        raise TooLargeError(f"The body is larger than {route.body_limit_bytes} bytes.")
    if media_type(call.headers.get(b"content-type", b"")) not in route.media_types:
        raise MediaTypeError(f"Send this as {' or '.join(route.media_types)}.")


def plain_path(scope: Scope) -> str:
    """The decoded path, once it is sure that decoding changed no boundary.

    Raises:
        NotFoundError: an encoded slash, a byte that is no UTF-8, or a control character: nothing of ours is there.
    """
    path: str = scope["path"]
    raw: bytes = scope.get("raw_path") or b""
    if b"%" in raw and (b"%2f" in raw.lower() or "\ufffd" in path):
        raise NotFoundError
    if not path.isprintable():
        raise NotFoundError
    return path


def read_headers(scope: Scope, settings: WebSettings) -> dict[bytes, bytes]:
    """By name. Repeated ones that are lists by nature are joined as RFC 9110 section 5.3 says."""
    raw: list[tuple[bytes, bytes]] = scope["headers"]
    if len(raw) > settings.max_headers:
        raise TooLargeError(f"There are more than {settings.max_headers} headers.", path="headers")
    headers = dict(raw)
    if len(headers) != len(raw):
        headers = _joined(raw)
    if sum(map(len, headers)) + sum(map(len, headers.values())) > settings.max_header_bytes:
        raise TooLargeError(f"The headers are larger than {settings.max_header_bytes} bytes.", path="headers")
    return headers


@lru_cache(CACHED_HOSTS)
def is_ours(host: bytes, hosts: tuple[str, ...]) -> bool:
    """Whether the Host header, with any port, is on the list."""
    name = host.decode("latin-1").lower()
    if name in hosts:
        return True
    name, _, port = name.rpartition(":")
    return port.isdecimal() and port.isascii() and name in hosts


def declared_bytes(headers: dict[bytes, bytes]) -> int | None:
    """0 where there is no body, None where it is chunked and its length unknown."""
    length = headers.get(b"content-length")
    coding = headers.get(b"transfer-encoding")
    if coding is not None:
        if length is not None or coding.lower() != b"chunked":
            raise MalformedError("The length of the body is not clear.", path="Transfer-Encoding")
        return None
    if length is None:
        return 0
    if not length.isdigit():
        raise MalformedError("The length of the body is not clear.", path="Content-Length")
    if len(length) > MAX_LENGTH_DIGITS:
        raise TooLargeError(path="Content-Length")
    return int(length)


def media_type(value: bytes) -> str | None:
    """The type without its parameters; None for a charset other than UTF-8, which JSON has no other of."""
    name, _, parameters = value.decode("latin-1").lower().partition(";")
    charset = parameters.partition("charset=")[2].strip(' "')
    return name.strip() if charset in {"", "utf-8"} else None


def _joined(raw: list[tuple[bytes, bytes]]) -> dict[bytes, bytes]:
    headers: dict[bytes, bytes] = {}
    for name, value in raw:
        if name in headers and name in _ONCE:
            raise MalformedError("A header that may come once came twice.", path=name.decode("latin-1"))
        headers[name] = headers[name] + b", " + value if name in headers else value
    return headers
