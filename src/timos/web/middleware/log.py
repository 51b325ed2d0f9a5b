"""One line for each request, and the logger that writes it.

A line has: request id, method, the route's template, status, duration. It has no path, query, header, body, address, user or record id:
the day of an entry is in its path, and who wrote when is what the vault hides.
"""

import sys
from typing import Protocol, TextIO

import msgspec
import structlog

from timos.kernel.clock import Clock, instant
from timos.web.route import Call

_METHODS = frozenset({"GET", "HEAD", "OPTIONS", "POST", "PUT", "PATCH", "DELETE"})


class Log(Protocol):
    """The part of a structlog logger that the web uses."""

    def info(self, event: str, /, **fields: object) -> object: ...
    def error(self, event: str, /, **fields: object) -> object: ...


def new_log(clock: Clock, *, level: str = "info", is_json: bool = True, stream: TextIO = sys.stderr) -> Log:
    """JSON lines for machines or coloured ones for people; `at` comes from the clock."""

    def stamp(_: object, level: str, event: structlog.typing.EventDict) -> structlog.typing.EventDict:
        event["at"] = instant(clock.now_ms())
        event["level"] = level
        return event

    render: structlog.typing.Processor = _json if is_json else structlog.dev.ConsoleRenderer(timestamp_key="at")
    log: Log = structlog.wrap_logger(
        structlog.WriteLogger(stream),
        processors=[stamp, render],
        wrapper_class=structlog.make_filtering_bound_logger(level),
        context_class=dict,
        cache_logger_on_first_use=True,
    )
    return log


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


def _json(_: object, __: str, event: structlog.typing.EventDict) -> str:
    return _encode(event).decode()
