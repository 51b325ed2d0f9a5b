"""Rates that several processes count together: in a real server, one that goes away and comes back, and between two real processes."""

import asyncio
import json
import secrets
import shutil
import socket
import time
from collections.abc import Iterator
from contextlib import ExitStack
from hashlib import sha256
from io import StringIO
from itertools import count
from pathlib import Path
from urllib.parse import quote

import httpx
import pytest
from redis.asyncio import Redis

from tests import servers
from tests.certificates import make_certificates
from tests.support import PASSWORD, START_SECONDS, Server, Template, server_in
from tests.web.frame import HandClock, Site, public, route
from timos.kernel.clock import SystemClock
from timos.kernel.errors import LimitError
from timos.kernel.redis_address import RedisAddress, parse
from timos.web.middleware import redis_limits
from timos.web.middleware.limits import Bucket, Taken
from timos.web.middleware.log import new_log
from timos.web.middleware.redis_limits import ANSWER_SECONDS, PAUSE_SECONDS, RedisRates
from timos.web.middleware.settings import Rate

pytestmark = [pytest.mark.slow, pytest.mark.servers]

QUOTED = quote(servers.PASSWORD, safe="")
THREE = Rate(count=3, window_seconds=60)


@pytest.fixture(scope="module")
def running() -> Iterator[str]:
    if why := servers.missing("redis"):
        pytest.skip(f"{servers.NOT_RUN}: {why}")
    with servers.running("redis") as it:
        yield f"redis://:{QUOTED}@127.0.0.1:{it.port}"


@pytest.fixture
def patient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Redis is waited for as long as a machine with other things to do needs."""
    monkeypatch.setattr(redis_limits, "ANSWER_SECONDS", 30.0)


@pytest.fixture
def url(running: str, patient: None) -> str:
    """A numbered database, empty."""

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
    """Each answer against that of the bucket in memory, asked with what Redis had stored at a moment before and at one after: however
    slow this machine is, Redis's own moment lies between the two.
    """
    rate = Rate(count=4, window_seconds=1)

    async def story() -> None:
        shared = rates(parse(url))
        async with client_of(parse(url)) as client:
            first = await moment(client)
            given = refused = 0
            while given < 8 or not refused:
                stored = await client.get(STORED)
                full_at = None if stored is None else (int(stored) - first) / 1e6
                before = (await moment(client) - first) / 1e6
                taken = await shared.take("user.api", b"sam", rate)
                after = (await moment(client) - first) / 1e6
                assert taken is not None
                assert left_alone(rate, full_at, before) <= taken.left <= left_alone(rate, full_at, after)
                given, refused = given + (taken.left >= 0), refused + (taken.left < 0)
        await shared.close()

    asyncio.run(story())


STORED = b"timos:" + name_of("user.api", b"sam")


async def moment(client: Redis) -> int:
    """Redis's own, in microseconds."""
    seconds, micros = await client.time()
    return int(seconds) * 1_000_000 + int(micros)


def left_alone(rate: Rate, full_at: float | None, at: float) -> int:
    """What a process that counts alone would leave; -1 where it refuses."""
    clock = HandClock()
    clock.seconds = at
    alone = Bucket("api", rate, clock)
    if full_at is not None:
        alone._full_at[b"sam"] = full_at
    try:
        return int(alone.take(b"sam").split(b"r=")[1].split(b";")[0])
    except LimitError:
        return -1


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
            address = parse(f"redis://:{QUOTED}@127.0.0.1:{it.port}")
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
        assert asyncio.get_running_loop().time() - began < 10 * ANSWER_SECONDS  # asked once, and not twenty times
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


# ── with TLS ─────────────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.fixture(scope="module")
def certified(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[int, Path]]:
    """The port of a server that speaks nothing but TLS, and the folder with the certificates."""
    if why := servers.missing("redis"):
        pytest.skip(f"{servers.NOT_RUN}: {why}")
    folder = tmp_path_factory.mktemp("tls")
    make_certificates(folder)
    with servers.running("redis", tls=folder) as it:
        yield it.port, folder


async def asked(url: str) -> tuple[Taken | None, list[str], str]:
    """The answer, the events and the whole log."""
    lines = StringIO()
    limiter = rates(parse(url), lines=lines)
    taken = await limiter.take("user.api", secrets.token_bytes(16), THREE)
    await limiter.close()
    return taken, events(lines), lines.getvalue()


def test_with_the_right_authority_and_name_it_counts_over_tls(certified: tuple[int, Path], patient: None) -> None:
    port, folder = certified
    taken, said, _ = asyncio.run(asked(f"rediss://:{QUOTED}@localhost:{port}/0?ca={folder}/right.pem"))
    assert ((taken or Taken(-1, 0)).left, said) == (2, [])


@pytest.mark.parametrize(
    "wrong",
    [
        "rediss://:{password}@localhost:{port}/0?ca={folder}/wrong.pem",
        "rediss://:{password}@localhost:{port}/0",
        "rediss://:{password}@127.0.0.1:{port}/0?ca={folder}/right.pem",
        "rediss://:{password}@localhost:{port}/0?ca={folder}/missing.pem",
        "rediss://:{password}@localhost:{port}/0?ca={folder}/server.key",
        "redis://:{password}@localhost:{port}/0",
        "rediss://:{password}x@localhost:{port}/0?ca={folder}/right.pem",
    ],
    ids=["another authority", "no authority", "another name", "a missing file", "no certificate", "no TLS", "another password"],
)
def test_whoever_cannot_prove_who_it_is_is_one_that_is_away_and_no_log_has_the_password(
    certified: tuple[int, Path], patient: None, wrong: str
) -> None:
    port, folder = certified
    taken, said, log = asyncio.run(asked(wrong.format(password=QUOTED, port=port, folder=folder)))
    assert (taken, said) == (None, ["limits_alone"])
    assert servers.PASSWORD not in log
    assert QUOTED not in log


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
        assert 15 <= int(mine[2].headers["retry-after"]) <= 30
        assert [(await site.asked("GET", "/api/things")).status_code for _ in range(2)] == [200, 429]
        await limiter.close()

    asyncio.run(story())


def ask(client: httpx.Client, server: Server, headers: dict[str, str]) -> int:
    return client.get(f"{server.url}/api/habits", headers=headers).status_code


def asked_in_turn(client: httpx.Client, one: Server, two: Server) -> tuple[list[int], dict[str, str]]:
    """Two requests to each by somebody new, while both processes had Redis: a machine that stands still for a moment is one without it, and
    then they are asked once more.
    """
    until = time.monotonic() + START_SECONDS
    for number in count():
        before = alone_and_shared(one, two)
        body = {"address": f"sam{number}@example.org", "password": PASSWORD, "name": "Sam", "kind": "bearer"}
        headers = {"authorization": f"Bearer {client.post(f'{one.url}/api/auth/signup', json=body).json()['access_token']}"}
        answers = [ask(client, server, headers) for server in (one, two) * 2]
        if before == alone_and_shared(one, two) and all(alone == shared for alone, shared in before):
            return answers, headers
        assert time.monotonic() < until, one.log + two.log
    raise AssertionError


def alone_and_shared(*processes: Server) -> list[tuple[int, int]]:
    """How often each lost Redis, and how often it found it again."""
    return [(process.log.count("limits_alone"), process.log.count("limits_shared")) for process in processes]


@pytest.mark.every_engine("mixed")
def test_two_processes_share_one_limit_and_the_journal_goes_on_without_it(template_on: Template, tmp_path: Path, pair: object) -> None:
    if why := servers.missing("redis"):
        pytest.skip(f"{servers.NOT_RUN}: {why}")
    with template_on.copied(tmp_path) as urls, ExitStack() as stack:
        redis = ExitStack()
        it = stack.enter_context(redis).enter_context(servers.running("redis"))
        given = {f"TIMOS_{name.upper()}": str(url) for name, url in urls.items()} | {
            "TIMOS_PUBLIC_URL": "http://localhost",
            "TIMOS_LIMITS_URL": f"redis://:{QUOTED}@127.0.0.1:{it.port}/1",
            "TIMOS_REQUESTS_PER_MINUTE": "2",  # one comes back after half a minute
        }
        one = stack.enter_context(server_in(tmp_path, template=None, **given))
        other = tmp_path / "other"
        other.mkdir()
        shutil.copytree(tmp_path / "key", other / "key")
        two = stack.enter_context(server_in(other, template=None, **given))
        client = stack.enter_context(httpx.Client(timeout=30))
        answers, headers = asked_in_turn(client, one, two)
        assert answers == [200] * 2 + [429] * 2
        redis.close()  # the server is gone
        assert [ask(client, server, headers) for server in (one, two)] == [200] * 2
        assert "limits_alone" in one.log
        assert client.get(f"{one.url}/readyz").is_success
