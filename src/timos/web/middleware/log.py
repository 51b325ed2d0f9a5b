"""One line for each request, and the logger that writes it.

A line has: request id, method, the route's template, status, duration. It has no path, query, header, body, address, user or record id:
the day of an entry is in its path, and who wrote when is what the vault hides.
"""

import sys
from typing import Protocol, TextIO

import msgspec

from timos.kernel.clock import Clock, instant
from timos.web.route import Call

_METHODS = frozenset({"GET", "HEAD", "OPTIONS", "POST", "PUT", "PATCH", "DELETE"})


class Log(Protocol):
    """The part of a structlog logger that the web uses."""

    def info(self, event: str, /, **fields: object) -> object: ...
    def error(self, event: str, /, **fields: object) -> object: ...


def new_log(clock: Clock, *, level: str = "info", is_json: bool = True, stream: TextIO = sys.stderr) -> Log:
    """JSON lines for machines or coloured ones for people; `at` comes from the clock."""
    return JsonLog(clock, level, stream) if is_json else _for_people(clock, level, stream)


def _for_people(clock: Clock, level: str, stream: TextIO) -> Log:
    import structlog  # noqa: PLC0415 (with what it colours by it is 3 MiB, and a server has no terminal to write to)

    def stamp(_: object, level: str, event: structlog.typing.EventDict) -> structlog.typing.EventDict:
        event["at"] = instant(clock.now_ms())
        event["level"] = level
        return event

    log: Log = structlog.wrap_logger(
        structlog.WriteLogger(stream),
        processors=[stamp, structlog.dev.ConsoleRenderer(timestamp_key="at")],
        wrapper_class=structlog.make_filtering_bound_logger(level),
        context_class=dict,
        cache_logger_on_first_use=True,
    )
    return log


class JsonLog:
    """One object a line. Not through structlog, which needs 5 µs more for each: a line for every request is most of what is logged."""

    __slots__ = ("_clock", "_has_infos", "_stream")

    def __init__(self, clock: Clock, level: str, stream: TextIO) -> None:
        self._clock = clock
        self._stream = stream
        self._has_infos = level in {"debug", "info"}

    def info(self, event: str, /, **fields: object) -> None:
        if self._has_infos:
            self._write(event, fields, "info")

    def error(self, event: str, /, **fields: object) -> None:
        self._write(event, fields, "error")

    def _write(self, event: str, fields: dict[str, object], level: str) -> None:
        line = _encode({**fields, "event": event, "at": instant(self._clock.now_ms()), "level": level})
        self._stream.write(line.decode() + "\n")
        self._stream.flush()


def request(log: Log, call: Call, status: int, seconds: float) -> None:
    """The request's line. Methods that we do not know are the caller's words and are not repeated."""
    method = call.scope["method"]
    log.info(
        "request",
        request_id=call.request_id,
        method=method if method in _METHODS else "other",
        route=call.route.path,
        status=status,
        duration_ms=round(seconds * 1000, 2),
    )


def _kind_of(value: object) -> str:
    return type(value).__name__  # never its repr: it may be a document


_encode = msgspec.json.Encoder(enc_hook=_kind_of).encode
