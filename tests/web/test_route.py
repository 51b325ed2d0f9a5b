from hypothesis import given
from hypothesis import strategies as st

from tests.web.frame import Site, public, route
from timos.web.answers import Answer, json_answer
from timos.web.route import MAX_COOKIES, Access, Call, RawBody, parse_cookies


def test_a_route_that_says_nothing_is_closed() -> None:
    said = route()
    assert (said.access, said.csrf, said.cache, said.rate) == (Access.USER, True, "private, no-store", "api")
    assert said.body is None
    assert said.query is None


def test_cookies_are_read_by_name() -> None:
    assert parse_cookies("a=1; b=two=2;c=; d") == {"a": "1", "b": "two=2", "c": ""}


def test_a_cookie_that_comes_twice_counts_as_not_sent() -> None:
    assert parse_cookies("session=good; other=1; session=planted") == {"other": "1"}


def test_no_more_cookies_are_read_than_a_browser_of_ours_has() -> None:
    assert len(parse_cookies(";".join(f"c{i}=1" for i in range(1000)))) == MAX_COOKIES


@given(st.text(max_size=300))
def test_any_cookie_header_can_be_read(text: str) -> None:
    assert all(isinstance(value, str) for value in parse_cookies(text).values())


def test_a_handler_sees_headers_and_cookies() -> None:
    async def show(call: Call) -> Answer:
        return json_answer([call.header("X-Thing"), call.header("X-Other"), dict(call.cookies)])

    answer = Site(public(handler=show)).ask("GET", "/api/things", headers={"x-thing": "1", "Cookie": "a=b"})
    assert answer.json() == ["1", None, {"a": "b"}]


def test_a_raw_body_is_streamed_to_its_handler_once() -> None:
    async def count(call: Call) -> Answer:
        pieces = [piece async for piece in call.stream()]
        return json_answer([b"".join(pieces).decode(), (await call.read_raw()).decode()])

    site = Site(route("POST", body=RawBody, media_types=("application/zip",), handler=count))
    answer = site.as_user("POST", "/api/things", content=b"raw", headers={"Content-Type": "application/zip"})
    assert answer.json() == ["raw", ""]
