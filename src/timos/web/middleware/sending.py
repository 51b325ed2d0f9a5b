"""Puts an answer on the wire.

1. Every answer carries its route's fixed headers and the request id, errors included.
2. Where a body was not read to its end the connection is closed: its rest must not be read as the next request.
3. A stream ends with its client: whatever feeds it is closed at once. A stream that fails is cut, never finished: half an export must
   not look whole.
4. A client that does not take what it asked for is left after a while.
"""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator
from functools import lru_cache

from starlette.types import Message, Send

from timos.web.answers import Answer, Header
from timos.web.middleware.connection import WHOLE
from timos.web.route import Call

LARGE_BYTES = 64 * 1024  # servers buffer this much for a slow reader without making us wait
_BODYLESS = frozenset({204, 304})


async def send_answer(call: Call, answer: Answer, fixed: tuple[Header, ...], send: Send, stall_seconds: float) -> None:
    """Raises whatever the body of a stream raises; the answer is then not complete."""
    is_head = call.scope["method"] == "HEAD"
    body = answer.body
    if isinstance(body, bytes):
        if _is_written(call, answer, fixed, b"" if is_head else body, len(body)):
            return
        await send(_start(call, answer, fixed, len(body)))
        await _send_within(send, {"type": "http.response.body", "body": b"" if is_head else body}, stall_seconds)
        return
    await send(_start(call, answer, fixed, None))
    if is_head:
        await _close(body)
        await send({"type": "http.response.body", "body": b""})
    else:
        await _stream(call, body, send, stall_seconds)


def _is_written(call: Call, answer: Answer, fixed: tuple[Header, ...], body: bytes, length: int) -> bool:
    """At once and as a whole, where the connection takes that (`connection`); False, and nothing is written, where it does not."""
    # taken out: it holds the server's own state of the request, which holds the scope, and such a ring waits for the garbage collector
    write = call.scope.get("extensions", {}).pop(WHOLE, None)
    if write is None or length >= LARGE_BYTES or not call.is_body_read:
        return False
    own = [(b"x-request-id", call.request_id.encode()), *answer.headers, *call.answer_headers]
    if answer.status not in _BODYLESS:
        own += [(b"content-type", answer.media_type), (b"content-length", b"%d" % length)]
    lines = b"".join([b"%b: %b\r\n" % header for header in own])
    if lines.count(b"\r") != len(own) or lines.count(b"\n") != len(own):
        raise ValueError("A header of an answer has more than one line.")
    return bool(write(answer.status, lines + _lines(fixed), body))


@lru_cache(None)  # as many as there are policies of routes
def _lines(fixed: tuple[Header, ...]) -> bytes:
    return b"".join([b"%b: %b\r\n" % header for header in fixed])


def _start(call: Call, answer: Answer, fixed: tuple[Header, ...], length: int | None) -> Message:
    headers = [(b"x-request-id", call.request_id.encode()), *answer.headers, *call.answer_headers, *fixed]
    if answer.status not in _BODYLESS:
        headers.append((b"content-type", answer.media_type))
        if length is not None:
            headers.append((b"content-length", b"%d" % length))
    if not call.is_body_read:
        headers.append((b"connection", b"close"))
    return {"type": "http.response.start", "status": answer.status, "headers": headers}


async def _send_within(send: Send, message: Message, stall_seconds: float) -> None:
    if len(message["body"]) < LARGE_BYTES:
        await send(message)
        return
    async with asyncio.timeout(stall_seconds):
        await send(message)


async def _stream(call: Call, body: AsyncIterator[bytes], send: Send, stall_seconds: float) -> None:
    pump = asyncio.ensure_future(_pump(body, send, stall_seconds))
    gone = asyncio.ensure_future(call.gone())
    try:
        await asyncio.wait({pump, gone}, return_when=asyncio.FIRST_COMPLETED)
    finally:
        is_pumped = pump.done()
        pump.cancel()
        gone.cancel()
        await asyncio.wait({pump, gone})
    if is_pumped:
        pump.result()


async def _pump(body: AsyncIterator[bytes], send: Send, stall_seconds: float) -> None:
    try:
        async for piece in body:
            async with asyncio.timeout(stall_seconds):
                await send({"type": "http.response.body", "body": piece, "more_body": True})
        await send({"type": "http.response.body", "body": b""})
    finally:
        await _close(body)  # in the task that ran it: what it holds (a lock, a timeout) may belong to that task


async def _close(body: AsyncIterator[bytes]) -> None:
    if isinstance(body, AsyncGenerator):
        await body.aclose()
