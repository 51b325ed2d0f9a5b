"""PostgreSQL behind PgBouncer that hands out another session for each transaction: the whole program, not only the port (test_engines)."""

import asyncio
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from urllib.parse import quote

import httpx
import pytest

from tests import databases, servers
from tests.databases import Engines, Pooled
from tests.support import PASSWORD, Person, World, world_in
from timos.kernel.errors import StartError
from timos.lifecycle import signup
from timos.platform.accounts.account import Role

pytestmark = [pytest.mark.slow, pytest.mark.servers]

DAYS = [f"2026-11-{day:02}" for day in range(1, 5)]


@contextmanager
def empty(pooled: Pooled) -> Iterator[dict[str, str]]:
    """Two databases, by the names of their settings."""
    with ExitStack() as stack:
        urls = {}
        for name in ("platform_url", "vault_url"):
            urls[name] = pooled.create()
            stack.callback(pooled.drop, urls[name])
        yield urls


async def write(person: Person, day: str, body: str) -> httpx.Response:
    return await person.call("PUT", f"/api/entries/{day}", {"body": body}, headers={"if-match": "*"} if body == "changed" else {})


async def listed(person: Person) -> list[str]:
    answer = await person.call("GET", f"/api/entries?from={DAYS[0]}&to={DAYS[-1]}")
    assert answer.status_code == httpx.codes.OK, answer.text
    assert answer.json()["unreadable"] == []
    return [item["id"] for item in answer.json()["items"]]


async def open_registration(world: World) -> None:
    await signup.create(world.instance, address="admin@example.org", password=PASSWORD, name="Admin", role=Role.ADMIN)


def test_journals_are_founded_kept_and_erased_by_twenty_requests_at_once_on_two_sessions(engines: Engines, tmp_path: Path) -> None:
    async def story(world: World) -> None:
        await open_registration(world)
        people = await asyncio.gather(*(world.sign_up(name) for name in ("sam", "eva", "kim", "lee", "ann")))
        pages = [(person, day) for person in people for day in DAYS]  # four each: as much as one may ask at once
        assert len(pages) == 20
        for body, status in (("written", 201), ("changed", 200)):
            answers = await asyncio.gather(*(write(person, day, body) for person, day in pages))
            assert [answer.status_code for answer in answers] == [status] * 20
        read = await asyncio.gather(*(person.call("GET", f"/api/entries/{day}") for person, day in pages))
        assert {answer.json()["document"]["body"] for answer in read} == {"changed"}
        assert await asyncio.gather(*map(listed, people)) == [DAYS] * 5
        found = await asyncio.gather(*(person.call("POST", "/api/search", {"query": "changed"}) for person in people))
        assert [answer.json()["total"] for answer in found] == [4] * 5
        sam = people[0]
        proof = await sam.step_up("erase")
        erased = await sam.call("POST", "/api/account/erase", {"phrase": "erase my account"}, headers=proof)
        assert (erased.status_code, erased.json()["rows"]) == (200, 4)
        assert (await sam.call("GET", f"/api/entries/{DAYS[0]}")).status_code == 401

    async def told(urls: dict[str, str]) -> None:
        async with world_in(tmp_path, template=None, clock=None, **urls) as world:
            await story(world)
        async with world_in(tmp_path, template=None, clock=None, **urls) as world:  # and so does a second start
            assert world.sql("vault", "SELECT count(*) FROM daily_entries") == [(16,)]

    with engines.pooled("default_pool_size = 2") as pooled, empty(pooled) as urls:
        asyncio.run(told(urls))


def test_one_that_is_started_again_is_found_without_a_restart_of_ours(engines: Engines, tmp_path: Path) -> None:
    async def story(world: World, pooled: Pooled) -> None:
        await open_registration(world)
        sam = await world.sign_up("sam")
        assert (await write(sam, DAYS[0], "before")).status_code == 201
        pooled.running.kill()
        away = await asyncio.gather(*(write(sam, day, "away") for day in DAYS[1:]))
        assert [(answer.status_code, answer.json()["code"]) for answer in away] == [(503, "database")] * 3
        pooled.running.start()
        after = await asyncio.gather(*(write(sam, day, "after") for day in DAYS[1:]))
        assert [answer.status_code for answer in after] == [201] * 3
        assert await listed(sam) == DAYS

    async def told(pooled: Pooled, urls: dict[str, str]) -> None:
        async with world_in(tmp_path, template=None, clock=None, **urls) as world:
            await story(world, pooled)

    with engines.pooled() as pooled, empty(pooled) as urls:
        asyncio.run(told(pooled, urls))


SETTINGS = "application_name, lock_timeout, statement_timeout, idle_in_transaction_session_timeout"


@pytest.mark.parametrize("settings", [(), (f"ignore_startup_parameters = {SETTINGS}",)], ids=["as it comes", "that lets settings fall"])
def test_a_start_that_lacks_the_option_says_so_and_makes_nothing(engines: Engines, tmp_path: Path, settings: tuple[str, ...]) -> None:
    async def start(urls: dict[str, str]) -> None:
        async with world_in(tmp_path, template=None, clock=None, **urls):
            pytest.fail("It started.")

    with engines.pooled(*settings) as pooled, empty(pooled) as urls:
        with pytest.raises(StartError, match=r"Add prepared=off to its address\.") as told:
            asyncio.run(start({name: url.removesuffix("?prepared=off") for name, url in urls.items()}))
        assert quote(servers.PASSWORD, safe="") not in str(told.value)
        assert [databases.tables_of(databases.address_of(url)) for url in urls.values()] == [[], []]
