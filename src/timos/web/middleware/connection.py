"""What we add to uvicorn's protocol: bounds on the headers that are still coming, and a short way for answers that are whole.

uvicorn keeps a connection open for ever whose headers never end, and collects as many of them as come (operations.md, "Abuse").

An answer that goes out by ASGI's two messages has each header looked at twice by regular expressions, and is written to the socket in two
pieces: a fifth of what a read costs. `sending` writes a whole one itself, where the connection is as it nearly always is.
"""

import asyncio
from functools import partial

from uvicorn.protocols.http.httptools_impl import STATUS_LINE, HttpToolsProtocol, RequestResponseCycle

WHOLE = "timos.whole"  # in the scope's extensions: takes status, lines of headers and body, and says whether it wrote them


class BoundedProtocol(HttpToolsProtocol):
    """Closes a connection whose headers are not whole in time, or too large. No timer is set for a request that comes in one piece.

    The bound here is coarse, so that a request which is only a little too large still gets the guard's answer.
    """

    header_seconds = 10.0
    max_header_bytes = 64 * 1024

    _timer: asyncio.TimerHandle | None = None
    _is_begun = False  # a message whose headers are not whole yet
    _is_ahead = False  # the last bytes belonged to a message
    _waiting_bytes = 0

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]  # as uvicorn narrows it
        super().connection_made(transport)
        self._arm()

    def data_received(self, data: bytes) -> None:
        self._is_ahead = False
        super().data_received(data)
        if self._is_ahead and not self._is_begun:
            self._disarm()
            return
        self._waiting_bytes += len(data)
        if self._waiting_bytes > self.max_header_bytes:
            self.transport.close()
        self._arm()

    def connection_lost(self, exc: Exception | None) -> None:
        self._disarm()
        super().connection_lost(exc)

    def on_message_begin(self) -> None:
        self._is_begun = True
        super().on_message_begin()

    def on_headers_complete(self) -> None:
        self._is_begun = False
        self._is_ahead = True
        self.scope["extensions"] = extensions = {}
        super().on_headers_complete()
        extensions[WHOLE] = partial(_write, self.cycle)

    def on_body(self, body: bytes) -> None:
        self._is_ahead = True
        super().on_body(body)

    def on_message_complete(self) -> None:
        self._is_ahead = True
        super().on_message_complete()

    def _arm(self) -> None:
        if self._timer is None and not self.transport.is_closing():
            self._timer = self.loop.call_later(self.header_seconds, self.transport.close)

    def _disarm(self) -> None:
        self._waiting_bytes = 0
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None


def _write(cycle: RequestResponseCycle, status: int, head: bytes, body: bytes) -> bool:
    """What uvicorn's own `send` does for an answer of known length on a connection that stays open; False, and nothing, for any other."""
    if not cycle.keep_alive or cycle.response_started or cycle.disconnected or cycle.flow.write_paused:
        return False
    cycle.response_started = True
    cycle.waiting_for_100_continue = False
    servers_own = [b"%b: %b\r\n" % header for header in cycle.default_headers]  # none, as we set it up
    cycle.transport.write(b"".join((STATUS_LINE[status], *servers_own, head, b"\r\n", body)))
    cycle.response_complete = True
    cycle.message_event.set()
    cycle.on_response()
    return True
