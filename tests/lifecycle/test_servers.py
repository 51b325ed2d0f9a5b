"""Instances whose databases are on servers: founding, foreign pairs, settings that lose writes, several processes on one pair."""

import asyncio
import shutil
from collections.abc import Awaitable, Callable, Iterator
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path

import httpx
import pytest

from tests import databases
from tests.databases import Pair
from tests.lifecycle.stage import person, read, started, write
from tests.support import PASSWORD, Clock, Template, numbers, server_in, settings_in
from timos.cli.local import places_of
from timos.kernel.db import facts, migrate, mysql, postgresql
from timos.kernel.db.address import Server
from timos.kernel.db.server import Connection
from timos.kernel.errors import StartError, UnavailableError
from timos.lifecycle import health, ledgers
from timos.lifecycle.founding import claiming, founding
from timos.lifecycle.founding.places import Places
from timos.lifecycle.instance import open_instance

pytestmark = pytest.mark.every_engine("postgresql", "mariadb", "mixed")


@pytest.fixture
def places(pair: Pair, tmp_path: Path) -> Iterator[Places]:
    with ExitStack() as stack:
        yield fresh(pair, tmp_path, stack)


def fresh(pair: Pair, folder: Path, stack: ExitStack) -> Places:
    """Two empty databases."""
    urls = {"platform_url": stack.enter_context(pair.platform.fresh()), "vault_url": stack.enter_context(pair.vault.fresh())}
    return places_of(settings_in(folder, **urls))


def found(places: Places) -> None:
    async def story() -> None:
        async with started(places):
            pass

    asyncio.run(story())


def refused(places: Places, *, must_last: bool = False) -> str:
    async def story() -> None:
        instance = await open_instance(places, replace(numbers(), must_last=must_last), clock=Clock(), is_server=True)
        await instance.close()

    with pytest.raises(StartError) as caught:
        asyncio.run(story())
    return str(caught.value)


def test_empty_databases_are_founded_and_what_is_written_is_there_after_a_restart(places: Places) -> None:
    async def story() -> None:
        async with started(places) as instance:
            assert instance.founded.is_new
            account = await person(instance)
            await write(instance, account)
        async with started(places) as instance:
            assert not instance.founded.is_new
            assert await read(instance, account) == "words"
            assert [finding for finding in await health.examine(instance) if not finding.is_good] == []

    asyncio.run(story())
    assert not places.files


def test_a_start_asks_each_database_once_before_it_opens_it(places: Places, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each connection costs a process of the server's and the proof of the password: eleven were more than half of a start."""
    found(places)
    connected: list[str] = []

    def counted(connect: Callable[[Server], Awaitable[Connection]]) -> Callable[[Server], Awaitable[Connection]]:
        async def counting(server: Server) -> Connection:
            connected.append(server.database)
            return await connect(server)

        return counting

    monkeypatch.setattr(postgresql, "connect", counted(postgresql.connect))
    monkeypatch.setattr(mysql, "connect", counted(mysql.connect))

    async def story() -> None:
        async with started(places) as instance:
            await ledgers.require_complete(instance)
            await instance.check()

    asyncio.run(story())
    names = [address.database for address in (places.platform_at, places.vault_at) if isinstance(address, Server)]
    assert sorted(connected) == sorted(2 * names)
    assert not list(places.data_dir.glob("*.db"))


def test_a_founding_that_was_cut_short_goes_on_and_drops_nothing(places: Places, monkeypatch: pytest.MonkeyPatch) -> None:
    def cut(*_: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(facts, "write_all", cut)
        with pytest.raises(KeyboardInterrupt):
            found(places)
    assert places.marker.exists()
    found(places)
    founding.finish(places)
    assert not places.marker.exists()


def test_a_missing_half_or_key_is_refused_and_nothing_is_made(places: Places, pair: Pair, tmp_path: Path) -> None:
    found(places)
    with ExitStack() as stack:
        other = fresh(pair, tmp_path, stack)
        for half in (replace(places, vault_at=other.vault_at), replace(places, platform_at=other.platform_at)):
            assert "missing while its other half is there" in refused(half)
        assert not migrate.exists(other.vault_at)
        assert not migrate.exists(other.platform_at)
    places.key.rename(places.key.with_name("away"))
    assert "master key" in refused(places)


def test_databases_of_another_installation_are_refused(places: Places, pair: Pair, tmp_path: Path) -> None:
    found(places)
    with ExitStack() as stack:
        other = fresh(pair, tmp_path / "other", stack)
        found(other)
        assert "do not belong together" in refused(replace(places, vault_at=other.vault_at))
        assert "is not the one" in refused(replace(other, platform_at=places.platform_at, vault_at=places.vault_at))


def test_production_refuses_settings_that_lose_what_was_acknowledged_and_development_says_so(places: Places) -> None:
    found(places)
    harm, mend = {
        "postgresql": ("ALTER DATABASE {} SET synchronous_commit = off", "ALTER DATABASE {} RESET synchronous_commit"),
        "mysql": ("SET GLOBAL innodb_flush_log_at_trx_commit = 0", "SET GLOBAL innodb_flush_log_at_trx_commit = 1"),
    }[address_of(places).dialect]
    databases.sql(places.platform_at, harm.format(address_of(places).database))
    try:
        assert "lose acknowledged writes" in refused(places, must_last=True)

        async def story() -> None:
            async with started(places) as instance:
                assert "durability" in [finding.subject for finding in await health.examine(instance) if not finding.is_good]
                await instance.check()
                instance.must_last = True
                with pytest.raises(UnavailableError):
                    await instance.check()

        asyncio.run(story())
    finally:
        databases.sql(places.platform_at, mend.format(address_of(places).database))


def address_of(places: Places) -> Server:
    assert isinstance(places.platform_at, Server)
    return places.platform_at


def test_what_works_on_files_says_so(places: Places) -> None:
    with pytest.raises(StartError, match="is on a server"):
        _ = places.vault


def test_what_needs_the_instance_alone_waits_for_those_who_serve(places: Places) -> None:
    async def story() -> None:
        async with started(places):
            with pytest.raises(StartError, match="Another TimOS"):
                claiming.claim(places)
        claiming.claim(places).close()

    asyncio.run(story())


@pytest.mark.every_engine("mixed")
def test_two_processes_serve_one_pair(template_on: Template, tmp_path: Path) -> None:
    with template_on.copied(tmp_path) as urls, ExitStack() as stack:
        given = {f"TIMOS_{name.upper()}": str(url) for name, url in urls.items()} | {"TIMOS_PUBLIC_URL": "http://localhost"}  # one proxy
        one = stack.enter_context(server_in(tmp_path, template=None, **given))
        other_folder = tmp_path / "other"
        other_folder.mkdir()
        shutil.copytree(tmp_path / "key", other_folder / "key")
        two = stack.enter_context(server_in(other_folder, template=None, **given))
        client = stack.enter_context(httpx.Client(timeout=30))
        body = {"address": "admin@example.org", "password": PASSWORD, "kind": "bearer"}
        tokens = client.post(f"{one.url}/api/auth/login", json=body).json()
        headers = {"authorization": f"Bearer {tokens['access_token']}"}
        day = "/api/entries/2026-11-20"
        written = client.put(f"{one.url}{day}", json={"body": "by one"}, headers=headers)
        assert written.status_code == httpx.codes.CREATED, written.text
        seen = client.get(f"{two.url}{day}", headers=headers)
        assert "by one" in seen.text
        changed = client.put(f"{two.url}{day}", json={"body": "by two"}, headers=headers | {"if-match": seen.headers["etag"]})
        assert changed.status_code == httpx.codes.OK, changed.text
        stale = client.put(f"{one.url}{day}", json={"body": "by one again"}, headers=headers | {"if-match": seen.headers["etag"]})
        assert stale.status_code == httpx.codes.PRECONDITION_FAILED
        assert client.post(f"{two.url}/api/auth/logout", headers=headers).is_success
        assert client.get(f"{one.url}{day}", headers=headers).status_code == httpx.codes.UNAUTHORIZED
