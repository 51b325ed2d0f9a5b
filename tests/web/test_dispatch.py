import asyncio
from collections.abc import AsyncIterator
from datetime import date

import msgspec
import pytest

from tests.web.frame import Site, by_name, public, route, sent_raw, served
from timos.kernel.errors import StartError
from timos.web.answers import Answer, json_answer
from timos.web.route import Access, AnyQuery, Call, RawBody, Route

JSON = {"Content-Type": "application/json"}


class Thing(msgspec.Struct, forbid_unknown_fields=True):
    name: str


class Range(msgspec.Struct, forbid_unknown_fields=True, rename={"first": "from"}):
    first: date | None = None
    limit: int = 10
    words: str = ""


async def show(call: Call) -> Answer:
    return json_answer({"path": call.path, "query": call.query, "body": call.body})


# ── closed by default ────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("method", ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE"])
def test_a_route_that_says_nothing_about_access_is_closed(method: str) -> None:
    declared = Route(method="GET" if method == "HEAD" else method, path="/api/new", name="new", summary="", handler=show, tag="")
    assert Site(declared).ask(method, "/api/new").status_code == 401


def test_an_identify_step_that_forgets_to_decide_opens_nothing() -> None:
    async def forget(_: Call) -> None:
        return

    assert Site(route(), identify=forget).ask("GET", "/api/things").status_code == 401


def test_admin_routes_are_for_admins() -> None:
    site = Site(route(access=Access.ADMIN))
    assert site.ask("GET", "/api/things").status_code == 401
    assert site.as_user("GET", "/api/things").status_code == 403
    assert site.as_user("GET", "/api/things", name="admin").status_code == 200


def test_who_is_asking_is_known_before_a_byte_of_the_body_is_read() -> None:
    steps: list[str] = []

    async def identify(call: Call) -> None:
        steps.append("identify")
        await by_name(call)

    async def pieces() -> AsyncIterator[bytes]:
        steps.append("read")
        yield b'{"name":"a"}'

    site = Site(route("PUT", body=Thing), identify=identify)
    site.as_user("PUT", "/api/things", headers={**JSON, "Transfer-Encoding": "chunked"}, content=pieces())
    assert steps == ["identify", "read"]
    steps.clear()
    headers = {**JSON, "Transfer-Encoding": "chunked", "Expect": "100-continue"}
    assert site.ask("PUT", "/api/things", headers=headers, content=pieces()).status_code == 401
    assert steps == ["identify"]


def test_a_public_route_knows_nobody() -> None:
    async def refuse(_: Call) -> None:
        raise AssertionError

    assert Site(public(), identify=refuse, does_reraise=True).as_user("GET", "/api/things").json()["who"] is None


def test_the_application_is_at_hand() -> None:
    async def use(call: Call) -> Answer:
        return json_answer(call.app)

    assert Site(public(handler=use), app="the app").ask("GET", "/api/things").json() == "the app"


# ── paths and methods ────────────────────────────────────────────────────────────────────────────────────────────────


def test_a_path_gives_its_parameters_by_name() -> None:
    site = Site(public("GET", "/api/{what}/of/{day}"))
    assert site.ask("GET", "/api/feels/of/2026-11-22").json()["path"] == {"what": "feels", "day": "2026-11-22"}


def test_a_literal_path_comes_before_a_pattern() -> None:
    async def current(_: Call) -> Answer:
        return json_answer("current")

    site = Site(public("GET", "/api/weekly/{week}"), public("GET", "/api/weekly/current", current))
    assert site.ask("GET", "/api/weekly/current").json() == "current"
    assert site.ask("GET", "/api/weekly/2026-W01").json()["path"] == {"week": "2026-W01"}


def test_one_path_may_name_its_parameter_differently_by_method() -> None:
    site = Site(public("GET", "/api/things/{day}"), public("DELETE", "/api/things/{id}"))
    assert site.ask("GET", "/api/things/1").json()["path"] == {"day": "1"}
    assert site.ask("DELETE", "/api/things/1").json()["path"] == {"id": "1"}


@pytest.mark.parametrize("path", ["/", "/api", "/api/things/", "/api/things/a/b", "/api//things", "/api/things/{day}/", "//api/things"])
def test_what_no_route_answers_is_not_there(path: str) -> None:
    site = Site(public(), public("GET", "/api/things/{day}"))
    answer = site.ask("GET", path)
    assert (answer.status_code, answer.json()["code"]) == (404, "not_found")


def test_another_method_is_refused_with_those_there_are() -> None:
    answer = Site(public(), route("PUT")).ask("DELETE", "/api/things")
    assert (answer.status_code, answer.json()["code"]) == (405, "method")
    assert answer.headers["allow"] == "GET, HEAD, OPTIONS, PUT"


def test_options_tells_the_methods_to_anyone() -> None:
    answer = Site(route()).ask("OPTIONS", "/api/things")
    assert (answer.status_code, answer.content, answer.headers["allow"]) == (204, b"", "GET, HEAD, OPTIONS")
    assert Site(route()).ask("OPTIONS", "/nothing").status_code == 404


def test_head_is_get_without_the_body() -> None:
    site = Site(public())
    got, head = site.ask("GET", "/api/things"), site.ask("HEAD", "/api/things")
    assert head.content == b""
    assert head.headers["content-length"] == str(len(got.content))


@pytest.mark.parametrize(
    "routes",
    [
        (route(name="a"), route(name="b")),
        (route(name="a", path="/x/{a}"), route(name="b", path="/x/{b}")),
        (route(name="a", path="/x"), route(name="a", path="/y")),
    ],
)
def test_routes_that_contradict_each_other_stop_the_start(routes: tuple[Route, ...]) -> None:
    with pytest.raises(StartError):
        Site(*routes)


def test_a_body_type_that_drops_unknown_fields_stops_the_start() -> None:
    with pytest.raises(StartError):
        Site(route("PUT", body=msgspec.defstruct("Loose", [("a", int)])))


# ── query and body ───────────────────────────────────────────────────────────────────────────────────────────────────


def test_a_query_is_decoded_to_its_type() -> None:
    site = Site(public(query=Range, handler=show))
    assert site.ask("GET", "/api/things?from=2026-01-02&limit=5&words=a+b%26c").json()["query"] == {
        "from": "2026-01-02",
        "limit": 5,
        "words": "a b&c",
    }
    assert site.ask("GET", "/api/things").json()["query"] == {"from": None, "limit": 10, "words": ""}
    assert site.ask("GET", "/api/things?words=null").json()["query"]["words"] == "null"


@pytest.mark.parametrize(
    ("asked", "path"),
    [
        ("limit=five", "limit"),
        ("limit=", "limit"),
        ("from=yesterday", "from"),
        ("from=null", "from"),
        ("limit=1&limit=1", "query"),
        ("l%69mit=1&limit=1", "query"),
        ("secret=1", "query"),
        ("first=2026-01-02", "query"),
        ("words=%ff", "query"),
        ("&", "query"),
    ],
)
def test_a_query_that_is_not_understood_is_refused_and_not_repeated(asked: str, path: str) -> None:
    answer = Site(public(query=Range, handler=show)).ask("GET", f"/api/things?{asked}")
    assert (answer.status_code, answer.json()["path"]) == (422, path)
    assert "yesterday" not in answer.text
    assert "secret" not in answer.text


def test_a_route_without_parameters_takes_none_unless_it_is_a_page() -> None:
    assert Site(public()).ask("GET", "/api/things?x=1").status_code == 422
    assert Site(public(query=AnyQuery)).ask("GET", "/api/things?x=1&x=2").status_code == 200


def test_too_many_parameters_are_refused() -> None:
    assert Site(public(query=Range)).ask("GET", "/api/things?" + "&".join(f"p{i}=1" for i in range(60))).status_code == 413


def test_a_body_is_decoded_strictly() -> None:
    site = Site(route("PUT", body=Thing, handler=show))
    assert site.put_json("/api/things", b'{"name":"a"}').json()["body"] == {"name": "a"}
    assert site.put_json("/api/things", b'{"name":"a","name":"b"}').status_code == 400
    wrong = site.put_json("/api/things", b'{"name":5}')
    assert (wrong.status_code, wrong.json()["path"]) == (422, "$.name")


@pytest.mark.parametrize(("key", "status"), [(None, 200), ("k", 200), ("k" * 200, 200), ("k" * 201, 422), ("", 422), ("k\tk", 422)])
def test_an_idempotency_key_is_short_and_printable(key: str | None, status: int) -> None:
    site = Site(route("POST", is_idempotency_keyed=True))
    headers = {} if key is None else {"Idempotency-Key": key}
    assert site.as_user("POST", "/api/things", headers=headers).status_code == status


# ── streams ──────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_a_stream_is_not_cut_by_the_deadline_of_its_request() -> None:
    async def pieces() -> AsyncIterator[bytes]:
        for _ in range(4):
            await asyncio.wait([asyncio.ensure_future(asyncio.Event().wait())], timeout=0.1)
            yield b"piece "

    async def stream(_: Call) -> Answer:
        return Answer(200, pieces(), media_type=b"application/zip")

    answer = Site(public(handler=stream), request_seconds=0.1).ask("GET", "/api/things")
    assert answer.text == "piece " * 4
    assert answer.headers["content-type"] == "application/zip"
    assert "content-length" not in answer.headers


def test_a_client_that_leaves_ends_its_stream() -> None:
    async def main() -> None:
        is_closed, is_begun = asyncio.Event(), asyncio.Event()

        async def pieces() -> AsyncIterator[bytes]:
            try:
                yield b"first"
                is_begun.set()
                await asyncio.Event().wait()
            finally:
                is_closed.set()

        async def stream(_: Call) -> Answer:
            return Answer(200, pieces())

        site = Site(public(handler=stream), max_address_requests=1)
        async with served(site.frame) as port:
            _, writer = await asyncio.open_connection("127.0.0.1", port)
            writer.write(b"GET /api/things HTTP/1.1\r\nHost: localhost\r\n\r\n")
            await is_begun.wait()
            writer.close()
            async with asyncio.timeout(5):
                await is_closed.wait()

    asyncio.run(main())


def test_a_stream_that_fails_is_cut_and_never_looks_whole() -> None:
    async def pieces() -> AsyncIterator[bytes]:
        yield b"half of it"
        raise KeyError("diary")

    async def stream(_: Call) -> Answer:
        return Answer(200, pieces())

    site = Site(public(handler=stream))

    async def main() -> bytes:
        async with served(site.frame) as port:
            return await sent_raw(port, b"GET /api/things HTTP/1.1\r\nHost: localhost\r\n\r\n")

    answer = asyncio.run(main())
    assert b"half of it" in answer
    assert not answer.endswith(b"0\r\n\r\n")
    assert site.lines[0]["error"] == "KeyError"
    assert "diary" not in site.log


def test_head_does_not_run_a_stream() -> None:
    async def pieces() -> AsyncIterator[bytes]:
        raise AssertionError
        yield b""

    async def stream(_: Call) -> Answer:
        return Answer(200, pieces())

    assert Site(public(handler=stream), does_reraise=True).ask("HEAD", "/api/things").status_code == 200


def test_a_client_that_takes_nothing_is_left() -> None:
    is_left = asyncio.Event()

    async def pieces() -> AsyncIterator[bytes]:
        try:
            while True:
                yield b"x" * 1_000_000
        finally:
            is_left.set()

    async def stream(_: Call) -> Answer:
        return Answer(200, pieces())

    site = Site(public(handler=stream), stall_seconds=0.1)

    async def main() -> None:
        async with served(site.frame) as port:
            reader, writer = await asyncio.open_connection("127.0.0.1", port)
            writer.write(b"GET /api/things HTTP/1.1\r\nHost: localhost\r\n\r\n")
            await reader.readline()
            async with asyncio.timeout(5):
                await is_left.wait()
            writer.transport.abort()

    asyncio.run(main())
    assert site.lines[0]["error"].startswith("TimeoutError")


# ── the log ──────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_a_request_is_one_line_of_what_may_be_known() -> None:
    site = Site(route("PUT", "/api/entries/{day}", body=RawBody, query=Range))
    answer = site.as_user(
        "PUT", "/api/entries/2026-11-22?words=secret", headers={**JSON, "Cookie": "c=secret"}, content=b'{"secret":1}', address="192.0.2.77"
    )
    [line] = site.lines
    assert set(line) == {"event", "level", "at", "request_id", "method", "route", "status", "duration_ms"}
    assert (line["method"], line["route"], line["status"]) == ("PUT", "/api/entries/{day}", 200)
    assert line["request_id"] == answer.headers["x-request-id"]
    for hidden in ("2026-11-22", "secret", "192.0.2.77", "anna"):
        assert hidden not in site.log.replace(line["at"], "")


@pytest.mark.parametrize(("method", "path"), [("GET", "/diary/of/anna"), ("ANNA", "/api/things")])
def test_what_a_stranger_makes_up_is_not_in_the_log(method: str, path: str) -> None:
    site = Site(public())
    site.ask(method, path)
    assert "anna" not in site.log.lower()


def test_request_ids_differ() -> None:
    site = Site(public())
    ids = {site.ask("GET", "/api/things").headers["x-request-id"] for _ in range(5)}
    assert len(ids) == 5


def test_one_frame_can_be_used_by_one_event_loop_after_another() -> None:
    async def hang(_: Call) -> Answer:
        await asyncio.Event().wait()
        return json_answer(None)

    site = Site(public(handler=hang), public("GET", "/api/quick"), request_seconds=0.1)
    assert site.ask("GET", "/api/quick").status_code == 200
    assert site.ask("GET", "/api/things").status_code == 503
    assert site.ask("GET", "/api/things").status_code == 503


def test_websockets_are_closed_and_the_lifespan_is_acknowledged() -> None:
    async def main() -> list[str]:
        said: list[str] = []

        async def send(message: dict[str, object]) -> None:
            said.append(str(message["type"]))

        coming = iter(["websocket.connect", "lifespan.startup", "lifespan.shutdown"])

        async def receive() -> dict[str, object]:
            return {"type": next(coming)}

        frame = Site().frame
        await receive()
        await frame({"type": "websocket"}, receive, send)  # type: ignore[arg-type]  # a dict is a mutable mapping of this kind
        await frame({"type": "lifespan"}, receive, send)  # type: ignore[arg-type]  # likewise
        return said

    assert asyncio.run(main()) == ["websocket.close", "lifespan.startup.complete", "lifespan.shutdown.complete"]
