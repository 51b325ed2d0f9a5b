"""The part of the guard that comes before there is a request: uvicorn's protocol with bounds on the headers that are still coming.

uvicorn keeps a connection open for ever whose headers never end, and collects as many of them as come (operations.md, "Abuse").
"""

import asyncio

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol


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
        super().on_headers_complete()

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
