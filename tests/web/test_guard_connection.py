import asyncio
import gc
from collections.abc import AsyncIterator

import pytest
from uvicorn.protocols.http.httptools_impl import RequestResponseCycle

from tests.web.frame import Site, public, sent_raw, served
from timos.web.answers import Answer
from timos.web.middleware.connection import BoundedProtocol
from timos.web.route import Call

pytestmark = pytest.mark.slow  # left out of `make check`: it must stay under 50 seconds

WHOLE = b"GET /api/things HTTP/1.1\r\nHost: localhost\r\n"


class Hasty(BoundedProtocol):
    header_seconds = 0.2


class Patient(BoundedProtocol):
    header_seconds = 60


def answer_to(*pieces: bytes, pause: float = 0, site: Site | None = None, protocol: type[BoundedProtocol] = Hasty) -> bytes:
    async def main() -> bytes:
        async with served((site or Site(public())).frame, protocol) as port:
            return await sent_raw(port, *pieces, pause=pause)

    return asyncio.run(main())


def test_a_connection_that_says_nothing_is_closed() -> None:
    assert answer_to() == b""


def test_headers_that_never_end_are_not_waited_for() -> None:
    assert answer_to(WHOLE) == b""


def test_headers_that_drip_are_not_waited_for() -> None:
    assert answer_to(WHOLE, *[b"x-drip: 1\r\n"] * 30, b"\r\n", pause=0.02) == b""


def test_empty_lines_keep_no_connection_open() -> None:
    assert answer_to(*[b"\r\n"] * 30, pause=0.02) == b""


def test_the_next_headers_on_a_connection_have_a_deadline_too() -> None:
    answer = answer_to(WHOLE + b"\r\n", WHOLE, pause=0.1)
    assert answer.count(b"HTTP/1.1 200") == 1


def test_headers_without_end_are_not_collected() -> None:
    assert answer_to(WHOLE, *[b"x-more: " + b"x" * 20_000 + b"\r\n"] * 10, pause=0.02, protocol=Patient) == b""


def test_headers_that_are_a_little_too_large_get_an_answer() -> None:
    answer = answer_to(WHOLE + b"Connection: close\r\nx-more: " + b"x" * 20_000 + b"\r\n\r\n")
    assert b" 413 " in answer.splitlines()[0]


def test_thousands_of_small_headers_get_an_answer_and_no_handler() -> None:
    answer = answer_to(WHOLE + b"Connection: close\r\n" + b"".join(b"a%d: b\r\n" % number for number in range(5000)) + b"\r\n")
    assert b" 413 " in answer.splitlines()[0]


def test_headers_in_pieces_are_read() -> None:
    answer = answer_to(WHOLE[:10], WHOLE[10:], b"Connection: close\r\n\r\n", pause=0.02)
    assert answer.startswith(b"HTTP/1.1 200")


def test_a_slow_answer_is_not_cut_by_the_deadline_for_headers() -> None:
    async def pieces() -> AsyncIterator[bytes]:
        for _ in range(5):
            await asyncio.wait([asyncio.ensure_future(asyncio.Event().wait())], timeout=0.1)
            yield b"piece"

    async def stream(_: Call) -> Answer:
        return Answer(200, pieces())

    answer = answer_to(WHOLE + b"Connection: close\r\n\r\n", site=Site(public(handler=stream)))
    assert answer.count(b"piece") == 5
    assert answer.endswith(b"0\r\n\r\n")


def test_requests_sent_together_are_answered_in_their_order() -> None:
    async def count(_: Call) -> Answer:
        numbers.append(len(numbers))
        return Answer(200, b"number %d;" % numbers[-1])

    numbers: list[int] = []
    answer = answer_to(WHOLE + b"\r\n" + WHOLE + b"\r\n" + WHOLE + b"Connection: close\r\n\r\n", site=Site(public(handler=count)))
    assert [piece[:8] for piece in answer.split(b"number ")[1:]] == [b"0;HTTP/1", b"1;HTTP/1", b"2;"]


def test_answered_requests_do_not_wait_for_the_garbage_collector() -> None:
    gc.collect()
    gc.disable()
    try:
        answer = answer_to((WHOLE + b"\r\n") * 20 + WHOLE + b"Connection: close\r\n\r\n")
        left = sum(isinstance(one, RequestResponseCycle) for one in gc.get_objects())
    finally:
        gc.enable()
    assert answer.count(b"HTTP/1.1 200") == 21
    assert left <= 1  # the connection may be of a ring, but not what went over it


@pytest.mark.parametrize("connection", [b"keep-alive", b"close"])  # the two ways of sending
def test_a_header_of_two_lines_never_goes_out(connection: bytes) -> None:
    async def split(_: Call) -> Answer:
        return Answer(200, b"{}", headers=((b"x-one", b"1\r\nx-two: 2"),))

    answer = answer_to(WHOLE + b"Connection: " + connection + b"\r\n\r\n", site=Site(public(handler=split)))
    assert answer.startswith(b"HTTP/1.1 500 ")
    assert b"x-two" not in answer


@pytest.mark.parametrize("version", [b"HTTP/1.0", b"HTTP/1.1"])
def test_an_answer_is_the_same_on_a_connection_that_stays_open_and_on_one_that_closes(version: bytes) -> None:
    request = WHOLE.replace(b"HTTP/1.1", version)
    kept, closed = answer_to(request + b"\r\n"), answer_to(request + b"Connection: close\r\n\r\n")
    assert headers_of(kept) - {b"connection"} == headers_of(closed) - {b"connection"}
    assert kept.partition(b"\r\n\r\n")[2] == closed.partition(b"\r\n\r\n")[2]


def headers_of(answer: bytes) -> set[bytes]:
    return {line.partition(b":")[0].lower() for line in answer.partition(b"\r\n\r\n")[0].split(b"\r\n")[1:]}
