import asyncio
from collections.abc import AsyncIterator
from ipaddress import ip_network

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.web.frame import Site, public, route, sent_raw, served
from timos.web.answers import Answer, empty, json_answer
from timos.web.middleware.clients import canonical, client_address, network_of
from timos.web.middleware.deadlines import Deadlines
from timos.web.route import Call, RawBody

JSON = {"Content-Type": "application/json"}
TEXT = dict[str, object]


async def length(call: Call) -> Answer:
    return json_answer(len(await call.read_raw()))


# ── headers ──────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_too_many_headers_are_refused() -> None:
    site = Site(public())
    many = [(f"x-{i}", "1") for i in range(100)]
    assert site.ask("GET", "/api/things", headers=many[:90]).status_code == 200
    assert site.ask("GET", "/api/things", headers=many).status_code == 413


@pytest.mark.parametrize("header", [("Cookie", "c=" + "x" * 16_384), ("x" * 16_384, "1")])
def test_too_large_headers_are_refused(header: tuple[str, str]) -> None:
    answer = Site(public()).ask("GET", "/api/things", headers=[header])
    assert answer.status_code == 413
    assert answer.json()["path"] == "headers"


@pytest.mark.parametrize(
    "name",
    [
        "Authorization",
        "Content-Encoding",
        "Content-Length",
        "Content-Type",
        "Cookie",
        "Expect",
        "Host",
        "Idempotency-Key",
        "If-Match",
        "If-None-Match",
        "Origin",
        "Range",
        "Sec-Fetch-Site",
        "Transfer-Encoding",
        "X-CSRF-Token",
        "X-Step-Up",
    ],
)
def test_a_decisive_header_that_comes_twice_is_refused_even_when_both_agree(name: str) -> None:
    answer = Site(public()).ask("GET", "/api/things", headers=[(name, "localhost"), (name, "localhost")])
    assert answer.status_code == 400
    assert answer.json()["path"] == name.lower()


def test_headers_that_are_lists_by_nature_may_come_twice() -> None:
    async def show(call: Call) -> Answer:
        return json_answer(call.header("accept-language"))

    answer = Site(public(handler=show)).ask("GET", "/api/things", headers=[("Accept-Language", "de"), ("Accept-Language", "en")])
    assert answer.json() == "de, en"


@pytest.mark.parametrize("host", ["localhost", "LOCALHOST", "localhost:8000", "[::1]", "[::1]:8000"])
def test_names_of_ours_are_answered_with_any_port(host: str) -> None:
    assert Site(public()).ask("GET", "/api/things", headers={"Host": host}).status_code == 200


@pytest.mark.parametrize(
    "host", ["evil.example", "localhost.evil.example", "evil.example:localhost", "localhost:80:80", "localhost:", "localhost:x", "::1", ""]
)
def test_any_other_name_is_misdirected(host: str) -> None:
    site = Site(public())
    assert site.ask("GET", "/api/things", headers={"Host": host}).status_code == 421


def test_a_request_without_a_host_is_misdirected() -> None:
    async def main() -> bytes:
        async with served(Site(public()).frame) as port:
            return await sent_raw(port, b"GET /api/things HTTP/1.0\r\n\r\n")

    assert b" 421 " in asyncio.run(main()).splitlines()[0]


# ── paths ────────────────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("day", ["a%2Fb", "a%2fb", "%ff", "a%00", "a%0Ab", "%ed%a0%80"])
def test_a_path_that_decoding_changes_is_not_there(day: str) -> None:
    assert Site(public(path="/api/days/{day}")).ask("GET", f"/api/days/{day}").status_code == 404


def test_a_path_may_be_escaped_otherwise() -> None:
    assert Site(public(path="/api/days/{day}")).ask("GET", "/api/days/%32026").json()["path"] == {"day": "2026"}


# ── bodies ───────────────────────────────────────────────────────────────────────────────────────────────────────────


class Unread:
    """A body that knows whether anyone began to read it."""

    def __init__(self) -> None:
        self.is_read = False

    async def pieces(self) -> AsyncIterator[bytes]:
        self.is_read = True
        yield b"x" * 100


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({"Content-Length": "100", "Content-Type": "application/json"}, 413),
        ({"Content-Length": "9" * 400, "Content-Type": "application/json"}, 413),
        ({"Content-Length": "-1"}, 400),
        ({"Content-Length": "1e3"}, 400),
        ({"Content-Length": "5", "Transfer-Encoding": "chunked"}, 400),
        ({"Transfer-Encoding": "gzip, chunked"}, 400),
        ({"Content-Length": "5", "Content-Encoding": "gzip", "Content-Type": "application/json"}, 415),
        ({"Content-Length": "5", "Content-Type": "text/plain"}, 415),
        ({"Content-Length": "5"}, 415),
        ({"Content-Length": "5", "Content-Type": "application/json; charset=utf-16"}, 415),
    ],
)
def test_a_body_that_would_not_be_taken_is_refused_before_the_handler(headers: dict[str, str], status: int) -> None:
    site = Site(public("PUT", body=TEXT, body_limit_bytes=99, handler=length))
    answer = site.ask("PUT", "/api/things", headers={**headers, "Expect": "100-continue"}, content=Unread().pieces())
    assert answer.status_code == status
    assert answer.headers["connection"] == "close"


def test_a_declared_size_over_the_limit_is_refused_without_reading() -> None:
    body = Unread()
    site = Site(route("PUT", body=TEXT, body_limit_bytes=99, handler=length))
    headers = {**JSON, "Content-Length": "2000000"}
    assert site.as_user("PUT", "/api/things", headers=headers, content=body.pieces()).status_code == 413
    assert not body.is_read


def test_an_undeclared_size_is_counted_while_reading() -> None:
    async def pieces() -> AsyncIterator[bytes]:
        for _ in range(10):
            yield b"[" * 20

    site = Site(public("PUT", body=TEXT, body_limit_bytes=99))
    answer = site.ask("PUT", "/api/things", headers={**JSON, "Transfer-Encoding": "chunked"}, content=pieces())
    assert answer.status_code == 413


def test_a_body_where_none_is_taken_is_refused() -> None:
    assert Site(public("DELETE")).ask("DELETE", "/api/things", content=b"x").status_code == 400


@pytest.mark.parametrize(
    "kind", ["application/json", "Application/JSON", "application/json; charset=UTF-8", 'application/json;charset="utf-8"']
)
def test_json_is_recognised_however_it_is_spelled(kind: str) -> None:
    site = Site(public("PUT", body=TEXT))
    assert site.ask("PUT", "/api/things", headers={"Content-Type": kind}, content=b"{}").status_code == 200


def test_a_route_takes_the_types_that_it_names() -> None:
    site = Site(public("PUT", body=RawBody, media_types=("application/zip", "application/x-ndjson"), handler=length))
    assert site.ask("PUT", "/api/things", headers={"Content-Type": "application/zip"}, content=b"zip").json() == 3
    assert site.ask("PUT", "/api/things", headers=JSON, content=b"{}").status_code == 415


# ── time, over a socket with the real server ─────────────────────────────────────────────────────────────────────────

PUT = b"PUT /api/things HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"


def test_a_body_that_drips_is_ended_by_the_requests_deadline() -> None:
    site = Site(public("PUT", body=TEXT), request_seconds=0.4, chunk_gap_seconds=10)

    async def main() -> bytes:
        async with served(site.frame) as port:
            return await sent_raw(port, PUT + b"Content-Length: 900\r\n\r\n", *[b" "] * 30, pause=0.03)

    answer = asyncio.run(main())
    assert b" 503 " in answer.splitlines()[0]
    assert b"connection: close" in answer


def test_a_body_that_stops_coming_is_ended_by_the_gap() -> None:
    site = Site(public("PUT", body=TEXT), request_seconds=60, chunk_gap_seconds=0.2)

    async def main() -> bytes:
        async with served(site.frame) as port:
            return await sent_raw(port, PUT + b"Content-Length: 900\r\n\r\n{")

    assert b" 503 " in asyncio.run(main()).splitlines()[0]
    assert site.lines[-1]["status"] == 503


def test_a_handler_that_hangs_is_ended_and_says_that_it_is_not_known_what_was_done() -> None:
    async def hang(_: Call) -> Answer:
        await asyncio.Event().wait()
        return empty()

    answer = Site(public(handler=hang), request_seconds=0.1).ask("GET", "/api/things")
    assert answer.status_code == 503
    assert "Read what is stored" in answer.json()["detail"]


def test_a_route_for_long_uploads_has_its_own_deadline() -> None:
    async def slow(_: Call) -> Answer:
        await asyncio.wait([asyncio.ensure_future(asyncio.Event().wait())], timeout=0.5)
        return json_answer("done")

    site = Site(public(handler=slow, deadline_seconds=60), request_seconds=0.1)
    assert site.ask("GET", "/api/things").json() == "done"


def test_a_server_that_stops_is_not_taken_for_a_slow_request() -> None:
    async def main() -> None:
        begun = asyncio.Event()

        async def hang(_: Call) -> Answer:
            begun.set()
            await asyncio.Event().wait()
            return empty()

        asking = asyncio.ensure_future(Site(public(handler=hang)).asked("GET", "/api/things"))
        await begun.wait()
        asking.cancel()
        with pytest.raises(asyncio.CancelledError):
            await asking

    asyncio.run(main())


def test_a_request_that_is_late_while_the_server_stops_counts_as_stopped() -> None:
    async def main() -> bool:
        deadlines = Deadlines(gap_seconds=1, shortest_seconds=1)
        is_late: list[bool] = []

        async def late() -> None:
            task = asyncio.current_task()
            assert task is not None
            deadlines.begin(task, 0)
            try:
                await asyncio.Event().wait()
            except asyncio.CancelledError:
                is_late.append(deadlines.end(task))

        task = asyncio.ensure_future(late())
        await asyncio.sleep(0)
        deadlines._tick(asyncio.get_running_loop())
        task.cancel()
        await task
        return is_late[0]

    assert not asyncio.run(main())


def test_the_sender_of_a_body_that_is_too_large_sees_the_answer() -> None:
    site = Site(public("PUT", body=TEXT, body_limit_bytes=99))

    async def main() -> bytes:
        async with served(site.frame) as port:
            return await sent_raw(port, PUT + b"Connection: close\r\nContent-Length: 500000\r\n\r\n", b" " * 500_000)

    assert b" 413 " in asyncio.run(main()).splitlines()[0]


def test_the_rest_of_a_refused_body_is_not_read_as_a_request() -> None:
    site = Site(public("PUT", body=TEXT), public("GET", "/api/smuggled"))
    inner = b"GET /api/smuggled HTTP/1.1\r\nHost: localhost\r\n\r\n"

    async def main() -> None:
        async with served(site.frame) as port:
            await sent_raw(port, PUT + b"Content-Encoding: gzip\r\nContent-Length: %d\r\n\r\n" % len(inner), inner)

    asyncio.run(main())
    assert [line["status"] for line in site.lines] == [415]


# ── whose request it is ──────────────────────────────────────────────────────────────────────────────────────────────

PROXIES = (ip_network("10.0.0.0/8"), ip_network("fd00::/8"))


def address(peer: str, forwarded: str | None) -> str:
    return client_address({"client": (peer, 1)}, None if forwarded is None else forwarded.encode("latin-1"), PROXIES)


@pytest.mark.parametrize(
    ("peer", "forwarded", "client"),
    [
        ("192.0.2.1", None, "192.0.2.1"),
        ("192.0.2.1", "198.51.100.7", "192.0.2.1"),
        ("10.0.0.1", "198.51.100.7", "198.51.100.7"),
        ("10.0.0.1", "1.2.3.4, 198.51.100.7", "198.51.100.7"),
        ("10.0.0.1", "198.51.100.7, 10.9.9.9", "198.51.100.7"),
        ("10.0.0.1", "1.2.3.4, 198.51.100.7, 10.9.9.9", "198.51.100.7"),
        ("10.0.0.1", "not an address, 10.9.9.9", "10.9.9.9"),
        ("10.0.0.1", "", "10.0.0.1"),
        ("fd00::1", "2001:DB8::1", "2001:db8::1"),
        ("::ffff:10.0.0.1", "::ffff:198.51.100.7", "198.51.100.7"),
    ],
)
def test_the_address_is_that_of_the_first_stranger_from_the_right(peer: str, forwarded: str | None, client: str) -> None:
    assert address(peer, forwarded) == client


@given(st.lists(st.sampled_from(["10.0.0.2", "198.51.100.7", "2001:db8::1", "x", ""]), max_size=30))
def test_a_stranger_cannot_choose_an_address(claimed: list[str]) -> None:
    assert address("192.0.2.1", ", ".join(claimed)) == "192.0.2.1"
    assert address("10.0.0.1", ", ".join([*claimed, "192.0.2.1"])) == "192.0.2.1"


def test_without_proxies_the_header_does_not_count() -> None:
    assert client_address({"client": ("127.0.0.1", 1)}, b"198.51.100.7", ()) == "127.0.0.1"


def test_a_socket_without_addresses_has_none() -> None:
    assert client_address({"client": None}, None, PROXIES) == ""


def test_one_line_is_one_client() -> None:
    assert network_of("192.0.2.1") == "192.0.2.1"
    assert network_of("2001:db8:1:2:3::4") == network_of("2001:db8:1:2:ffff::1") == "2001:db8:1:2::/64"
    assert network_of("2001:db8:1:3::1") != network_of("2001:db8:1:2::1")
    assert network_of("") == ""


@given(st.text(max_size=60))
def test_what_is_no_address_is_none(text: str) -> None:
    assert canonical(canonical(text)) == canonical(text)
