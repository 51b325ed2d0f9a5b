"""A real server, as it is shipped, and callers that say what they have to say a byte a second."""

import socket
import threading
import time
from pathlib import Path
from urllib.parse import urlsplit

import httpx
import pytest

from tests.support import server_in

pytestmark = pytest.mark.slow

CALLERS = 8
MOST_SECONDS = 60.0  # the server's own limits are 10 s for headers and 15 s for a request; this one only ends a test that hangs
HEAD = b"POST /api/auth/login HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: 500\r\n"
BEGINNINGS = {"a body": HEAD + b'\r\n{"address":"', "headers": HEAD + b"X-Slow: "}


def drip(port: int, beginning: bytes, ended: list[bytes]) -> None:
    """Until the server ends it; `ended` gets what it said."""
    until = time.monotonic() + MOST_SECONDS
    said = b""
    with socket.create_connection(("127.0.0.1", port), timeout=1) as caller:
        caller.sendall(beginning)
        while time.monotonic() < until:
            try:
                piece = caller.recv(4096)
            except TimeoutError:
                caller.sendall(b"a")
                continue
            except ConnectionError:
                break
            said += piece
            if not piece:
                break
        else:
            return
    ended.append(said)


@pytest.mark.parametrize("what", BEGINNINGS)
def test_who_drips_is_sent_away_and_nobody_else_waits(tmp_path: Path, template: Path, what: str) -> None:
    with server_in(tmp_path, template=template) as server:
        port = urlsplit(server.url).port
        assert port
        ended: list[bytes] = []
        callers = [threading.Thread(target=drip, args=(port, BEGINNINGS[what], ended)) for _ in range(CALLERS)]
        for caller in callers:
            caller.start()
        with httpx.Client(base_url=server.url, timeout=5) as other:
            while any(caller.is_alive() for caller in callers):
                assert other.get("/readyz").is_success
                time.sleep(0.2)
        assert len(ended) == CALLERS
        if what == "a body":
            assert all(said.startswith(b"HTTP/1.1 503 ") for said in ended), ended
