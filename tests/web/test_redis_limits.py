"""Rates that several processes count together: in a real server, one that goes away and comes back, and between two real processes."""

import asyncio
import json
import shutil
import socket
from collections.abc import Callable, Iterator
from contextlib import ExitStack, suppress
from hashlib import sha256
from io import StringIO
from pathlib import Path
from urllib.parse import quote

import httpx
import pytest
from redis.asyncio import Redis

from tests import servers
from tests.support import PASSWORD, Template, server_in
from tests.web.frame import HandClock, Site, public, route
from timos.kernel.clock import SystemClock
from timos.kernel.errors import LimitError
from timos.kernel.redis_address import RedisAddress, parse
from timos.web.middleware.limits import Bucket, Taken
from timos.web.middleware.log import new_log
from timos.web.middleware.redis_limits import ANSWER_SECONDS, PAUSE_SECONDS, RedisRates
from timos.web.middleware.settings import Rate

pytestmark = [pytest.mark.slow, pytest.mark.servers]

THREE = Rate(count=3, window_seconds=60)


@pytest.fixture(scope="module")
def running() -> Iterator[str]:
    if why := servers.missing("redis"):
        pytest.skip(f"{servers.NOT_RUN}: {why}")
    with servers.running("redis") as it:
        yield f"redis://:{quote(servers.PASSWORD, safe='')}@127.0.0.1:{it.port}"


@pytest.fixture
def url(running: str, request: pytest.FixtureRequest) -> str:
    """A numbered database of its own, empty."""

    async def empty() -> None:
        async with client_of(parse(f"{running}/3")) as client:
            await client.flushdb()

    asyncio.run(empty())
    return f"{running}/3"


def client_of(address: RedisAddress) -> Redis:
    return Redis(host=address.host, port=address.port, db=address.number, password=address.password)


def name_of(kind: str, key: bytes) -> bytes:
    return sha256(kind.encode() + b"\0" + key).digest()


def rates(address: RedisAddress, clock: HandClock | None = None, lines: StringIO | None = None) -> RedisRates:
    return RedisRates(address, name_of, clock or HandClock(), new_log(SystemClock(), stream=lines or StringIO()))


def events(lines: StringIO) -> list[str]:
    return [json.loads(line)["event"] for line in lines.getvalue().splitlines()]


def test_what_one_process_gave_another_does_not_give_again(url: str) -> None:
    async def story() -> None:
        one, two = rates(parse(url)), rates(parse(url))
        told = [await limiter.take("user.api", b"sam", THREE) for limiter in (one, two, one, two)]
        assert [taken.left if taken else None for taken in told] == [2, 1, 0, -1]
        refused = told[-1]
        assert refused is not None
        assert 0 < refused.seconds <= 20
        assert await one.take("user.api", b"tom", THREE) != refused
        assert (await two.take("network.api", b"sam", THREE) or Taken(-1, 0)).left == 2
        await one.close()
        await two.close()

    asyncio.run(story())


def test_it_counts_as_one_process_alone_does_and_gives_back_evenly(url: str) -> None:
    """Against the bucket in memory, on the same moments."""
    rate = Rate(count=4, window_seconds=1)

    async def story() -> None:
        shared, clock = rates(parse(url)), SystemClock()
        alone = Bucket("api", rate, clock)
        given = {"shared": 0, "alone": 0}
        until = clock.monotonic() + 1.1
        while clock.monotonic() < until:
            taken = await shared.take("user.api", b"sam", rate)
            assert taken is not None
            given["shared"] += taken.left >= 0
            with suppress(LimitError):
                alone.take(b"sam")
                given["alone"] += 1
        assert abs(given["shared"] - given["alone"]) <= 1
        assert given["shared"] >= 7
        await shared.close()

    asyncio.run(story())


def test_its_keys_are_macs_that_go_by_themselves(url: str) -> None:
    async def story() -> None:
        limiter = rates(parse(url))
        await limiter.take("network.public", b"192.0.2.7", THREE)
        async with client_of(parse(url)) as client:
            keys = await client.keys()
            assert keys == [b"timos:" + name_of("network.public", b"192.0.2.7")]
            assert 0 < await client.pttl(keys[0]) <= 60_000
        await limiter.close()

    asyncio.run(story())


def test_while_it_is_away_each_process_counts_for_itself_and_says_so_once() -> None:
    if why := servers.missing("redis"):
        pytest.skip(f"{servers.NOT_RUN}: {why}")
    lines, clock = StringIO(), HandClock()

    async def story() -> None:
        with servers.running("redis") as it:
            address = parse(f"redis://:{quote(servers.PASSWORD, safe='')}@127.0.0.1:{it.port}")
            limiter = rates(address, clock, lines)
            assert await limiter.take("user.api", b"sam", THREE) is not None
        assert [await limiter.take("user.api", b"sam", THREE) for _ in range(5)] == [None] * 5
        assert events(lines) == ["limits_alone"]
        assert "sam" not in lines.getvalue()
        await limiter.close()

    asyncio.run(story())


def test_one_that_says_nothing_holds_nobody_up_for_long() -> None:
    clock, lines = HandClock(), StringIO()

    async def story() -> None:
        silent = socket.create_server(("127.0.0.1", 0))  # takes the connection and never reads
        limiter = rates(parse(f"redis://127.0.0.1:{silent.getsockname()[1]}"), clock, lines)
        began = asyncio.get_running_loop().time()
        assert [await limiter.take("user.api", b"sam", THREE) for _ in range(20)] == [None] * 20
        assert asyncio.get_running_loop().time() - began < 4 * ANSWER_SECONDS  # asked once
        clock.seconds += PAUSE_SECONDS
        assert await limiter.take("user.api", b"sam", THREE) is None
        assert events(lines) == ["limits_alone"]
        await limiter.close()
        silent.close()

    asyncio.run(story())


def test_one_that_comes_back_counts_for_all_again(url: str) -> None:
    clock, lines = HandClock(), StringIO()

    async def story() -> None:
        limiter = rates(parse(url), clock, lines)
        limiter._lost(ConnectionError())
        assert await limiter.take("user.api", b"sam", THREE) is None
        clock.seconds += PAUSE_SECONDS
        assert (await limiter.take("user.api", b"sam", THREE) or Taken(-1, 0)).left == 2
        assert events(lines) == ["limits_alone", "limits_shared"]
        await limiter.close()

    asyncio.run(story())


@pytest.mark.parametrize("is_away", [False, True])
def test_the_frame_refuses_with_the_same_words_with_it_and_without(url: str, is_away: bool) -> None:  # noqa: FBT001 (a parameter of pytest)
    async def story() -> None:
        limiter = rates(parse(url.replace(":@", ":wrong@") if is_away else url))
        if is_away:
            limiter._lost(ConnectionError())
        site = Site(public(), route("GET", "/api/mine"), shared_rates=limiter, user_requests_per_minute=2, address_requests_per_minute=1)
        mine = [await site.asked("GET", "/api/mine", headers={"Authorization": "Bearer anna"}) for _ in range(3)]
        assert [answer.status_code for answer in mine] == [200, 200, 429]
        assert mine[0].headers["ratelimit-policy"] == '"api";q=2;w=60'
        assert mine[0].headers["ratelimit"] == '"api";r=1;t=30'
        assert 29 <= int(mine[2].headers["retry-after"]) <= 30
        assert [(await site.asked("GET", "/api/things")).status_code for _ in range(2)] == [200, 429]
        await limiter.close()

    asyncio.run(story())


@pytest.mark.every_engine("mixed")
def test_two_processes_share_one_limit_and_the_journal_goes_on_without_it(template_on: Template, tmp_path: Path, pair: object) -> None:
    if why := servers.missing("redis"):
        pytest.skip(f"{servers.NOT_RUN}: {why}")
    with template_on.copied(tmp_path) as urls, ExitStack() as stack:
        redis = ExitStack()
        it = stack.enter_context(redis).enter_context(servers.running("redis"))
        given = {f"TIMOS_{name.upper()}": str(url) for name, url in urls.items()} | {
            "TIMOS_PUBLIC_URL": "http://localhost",
            "TIMOS_LIMITS_URL": f"redis://:{quote(servers.PASSWORD, safe='')}@127.0.0.1:{it.port}/1",
            "TIMOS_REQUESTS_PER_MINUTE": "6",
        }
        one = stack.enter_context(server_in(tmp_path, template=None, **given))
        other = tmp_path / "other"
        other.mkdir()
        shutil.copytree(tmp_path / "key", other / "key")
        two = stack.enter_context(server_in(other, template=None, **given))
        client = stack.enter_context(httpx.Client(timeout=30))
        body = {"address": "admin@example.org", "password": PASSWORD, "kind": "bearer"}
        tokens = client.post(f"{one.url}/api/auth/login", json=body).json()
        headers = {"authorization": f"Bearer {tokens['access_token']}"}
        ask: Callable[[str], int] = lambda url: client.get(f"{url}/api/habits", headers=headers).status_code  # noqa: E731
        assert [ask(server.url) for server in (one, two) * 4] == [200] * 6 + [429] * 2
        redis.close()  # the server is gone
        assert [ask(server.url) for server in (one, two)] == [200] * 2
        assert "limits_alone" in one.log
        assert client.get(f"{one.url}/readyz").is_success
