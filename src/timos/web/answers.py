"""What a handler gives back. The frame adds length, caching and security headers; a handler names only what is its own."""

from collections.abc import AsyncIterator

import msgspec

JSON = b"application/json"

Header = tuple[bytes, bytes]  # names in lower case, as ASGI wants them

_encode = msgspec.json.Encoder().encode


class Answer(msgspec.Struct, frozen=True):
    """Status, body and own headers. A msgspec Struct, not a dataclass: freezing the latter costs 1 µs for each answer.

    A body that is an iterator is streamed after the handler returned: the request's deadline does not count for it, its end
    (also a client that went away) closes it, and an error in it cuts the connection so that no client takes half for whole.
    """

    status: int = 200
    body: bytes | AsyncIterator[bytes] = b""
    headers: tuple[Header, ...] = ()
    media_type: bytes = JSON


def json_answer(value: object, status: int = 200, *, etag: str | None = None, headers: tuple[Header, ...] = ()) -> Answer:
    """`value` as JSON; bytes count as JSON already. `etag` with its quotes, as the documents carry it."""
    body = value if isinstance(value, bytes) else _encode(value)
    own = headers if etag is None else (*headers, (b"etag", etag.encode("latin-1")))
    return Answer(status, body, own)


def empty(status: int = 204, *, headers: tuple[Header, ...] = ()) -> Answer:
    """An answer without a body."""
    return Answer(status, b"", headers)
