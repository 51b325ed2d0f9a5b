import asyncio
from collections.abc import AsyncIterator

import pytest

from tests.web.frame import HandClock, Site, public, route
from timos.kernel.errors import LimitError, StartError
from timos.web.answers import Answer, empty
from timos.web.middleware.limits import Bucket, Places
from timos.web.middleware.settings import Rate
from timos.web.route import Call


def test_a_user_has_so_many_requests_and_then_waits() -> None:
    clock = HandClock()
    site = Site(route(), clock=clock, user_requests_per_minute=3)
    answers = [site.as_user("GET", "/api/things") for _ in range(4)]
    assert [answer.status_code for answer in answers] == [200, 200, 200, 429]
    assert [answer.headers.get("ratelimit") for answer in answers] == ['"api";r=2;t=20', '"api";r=1;t=40', '"api";r=0;t=60', None]
    assert answers[3].headers["ratelimit-policy"] == '"api";q=3;w=60'
    assert answers[3].headers["retry-after"] == "20"
    clock.seconds += 20
    assert site.as_user("GET", "/api/things").status_code == 200
    assert site.as_user("GET", "/api/things").status_code == 429


def test_one_user_does_not_use_up_anothers() -> None:
    site = Site(route(), clock=HandClock(), user_requests_per_minute=1)
    assert [site.as_user("GET", "/api/things", name=name).status_code for name in ("anna", "anna", "ben")] == [200, 429, 200]


def test_all_of_a_users_routes_count_together_and_transfers_apart() -> None:
    site = Site(
        route(), route("GET", "/api/others"), route("POST", "/api/exports", rate="transfer"), clock=HandClock(), user_requests_per_minute=1
    )
    asked = [("GET", "/api/things"), ("GET", "/api/others"), *[("POST", "/api/exports")] * 6]
    assert [site.as_user(*one).status_code for one in asked] == [200, 429, 200, 200, 200, 200, 200, 429]


def test_public_routes_count_by_network() -> None:
    site = Site(public(), clock=HandClock(), address_requests_per_minute=1)
    addresses = ["192.0.2.1", "192.0.2.1", "192.0.2.2", "2001:db8::1", "2001:db8::2", "2001:db8:0:1::1"]
    assert [site.ask("GET", "/api/things", address=address).status_code for address in addresses] == [200, 429, 200, 200, 429, 200]


def test_a_route_without_a_rate_is_not_counted() -> None:
    site = Site(public(rate=None), clock=HandClock(), address_requests_per_minute=1)
    answers = [site.ask("GET", "/api/things") for _ in range(3)]
    assert [answer.status_code for answer in answers] == [200] * 3
    assert "ratelimit" not in answers[0].headers


def test_a_rate_that_does_not_exist_stops_the_start() -> None:
    with pytest.raises(StartError):
        Site(route(rate="typo"))


def crowd(*names: str) -> list[int]:
    """The statuses of as many requests at once; those that get in wait until one was refused."""

    async def main() -> list[int]:
        go = asyncio.Event()

        async def wait(_: Call) -> Answer:
            await go.wait()
            return empty()

        site = Site(route(handler=wait))
        asking = [asyncio.ensure_future(site.asked("GET", "/api/things", headers={"Authorization": f"Bearer {name}"})) for name in names]
        await asyncio.wait(asking, return_when=asyncio.FIRST_COMPLETED, timeout=10)
        go.set()
        return sorted(answer.status_code for answer in await asyncio.gather(*asking))

    return asyncio.run(main())


def test_a_user_has_so_many_requests_at_once() -> None:
    assert crowd(*["anna"] * 9) == [204] * 8 + [429]


def test_a_network_has_so_many_requests_at_once() -> None:
    assert crowd(*[f"user{i}" for i in range(41)]) == [204] * 40 + [429]


def test_places_are_given_back_whatever_happened() -> None:
    async def fail(_: Call) -> Answer:
        raise ZeroDivisionError

    async def pieces() -> AsyncIterator[bytes]:
        yield b"one"

    async def stream(_: Call) -> Answer:
        return Answer(200, pieces())

    site = Site(route(handler=fail), route("GET", "/api/stream", stream), max_user_requests=1, max_address_requests=1)
    for path, status in [("/api/things", 500), ("/api/stream", 200), ("/nothing", 404)] * 3:
        assert site.as_user("GET", path).status_code == status


def test_places_that_nobody_holds_are_forgotten() -> None:
    places = Places(2)
    leave = [places.enter("a"), places.enter("a"), places.enter("b")]
    with pytest.raises(LimitError):
        places.enter("a")
    for one in leave:
        one()
    assert places._taken == {}


def test_the_memory_of_a_bucket_is_bounded_and_keeps_who_asked_most() -> None:
    clock = HandClock()
    bucket = Bucket("api", Rate(count=5, window_seconds=60), clock, max_keys=100)
    for _ in range(5):
        bucket.take("eager")
    for key in range(10_000):
        bucket.take(key)
        assert len(bucket._full_at) <= 100
    with pytest.raises(LimitError):
        bucket.take("eager")


def test_a_refused_request_costs_nothing() -> None:
    clock = HandClock()
    bucket = Bucket("api", Rate(count=2, window_seconds=10), clock)
    bucket.take("a")
    bucket.take("a")
    waits = [wait_of(bucket) for _ in range(50)]
    assert waits == [5] * 50
    clock.seconds += 5
    assert bucket.take("a") == b'"api";r=0;t=10'


def wait_of(bucket: Bucket) -> int:
    with pytest.raises(LimitError) as caught:
        bucket.take("a")
    return caught.value.retry_after_seconds
