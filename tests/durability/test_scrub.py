"""What was erased is in no file any more: not in the database, and not in its write-ahead log while the server goes on."""

import asyncio
import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import httpx
import pytest

from tests.support import Story, World, files_of
from timos.kernel.db import sqlite

BIG = "the same words again and again " * 40


def _sealed_values(world: World) -> set[bytes]:
    found: set[bytes] = set()
    for path, statement in (
        (world.places.platform, "SELECT edk, sealed FROM user_deks"),
        (world.places.vault, "SELECT sealed FROM daily_entries"),
    ):
        with closing(sqlite3.connect(path)) as connection:
            found |= {value for row in connection.execute(statement) for value in row}
    return found


def _still_there(world: World, values: set[bytes]) -> list[str]:
    return [path.name for path in files_of(world.instance) if any(value in path.read_bytes() for value in values)]


def test_keys_and_rows_of_an_erased_account_are_in_no_file_while_the_server_runs_on(tell: Callable[[Story], None]) -> None:
    async def story(world: World) -> None:
        before = _sealed_values(world)
        person, other = await world.sign_up("sam"), await world.sign_up("kim")
        for day in ("2025-03-01", "2025-03-02"):
            assert (await person.call("PUT", f"/api/entries/{day}", {"body": BIG})).status_code == httpx.codes.CREATED
        values = _sealed_values(world) - before
        assert set(_still_there(world, values)) >= {"platform.db-wal", "vault.db-wal"}, "this would tell nothing"
        await other.call("PUT", "/api/entries/2025-03-03", {"body": BIG})
        answer = await person.call("POST", "/api/account/erase", {"phrase": "erase my account"}, headers=await person.step_up("erase"))
        assert answer.status_code == httpx.codes.OK, answer.text
        gone = values - _sealed_values(world)
        assert len(gone) >= 4 + 2, "two wrapped keys of two parts, and two rows"
        assert _still_there(world, gone) == []

    tell(story)


def test_a_scrub_among_writes_waits_for_their_commits_and_loses_none(tell: Callable[[Story], None]) -> None:
    async def story(world: World) -> None:
        person = await world.sign_up("sam")
        days = [f"2025-03-{day:02}" for day in range(1, 8)]
        scrubbing = asyncio.create_task(world.instance.vault.scrub())
        answers = await asyncio.gather(*(person.call("PUT", f"/api/entries/{day}", {"body": day}) for day in days))
        await scrubbing
        assert [answer.status_code for answer in answers] == [httpx.codes.CREATED] * len(days)
        stored = (await person.call("GET", "/api/entries?from=2025-03-01&to=2025-03-31")).json()["items"]
        assert [item["id"] for item in stored] == days

    tell(story)


def test_a_reader_in_the_way_of_a_scrub_delays_it_but_fails_nothing(tell: Callable[[Story], None]) -> None:
    async def story(world: World) -> None:
        person = await world.sign_up("sam")
        wal = world.places.vault.with_name("vault.db-wal")
        with closing(sqlite3.connect(world.places.vault, isolation_level=None)) as reader:
            reader.execute("BEGIN")
            reader.execute("SELECT count(*) FROM daily_entries").fetchone()
            assert (await person.call("PUT", "/api/entries/2025-03-01", {"body": BIG})).is_success
            scrubbing = asyncio.create_task(world.instance.vault.scrub())
            assert (await person.call("PUT", "/api/entries/2025-03-02", {"body": BIG})).is_success
            assert _size(wal) > 0
            assert not scrubbing.done()
        await scrubbing
        assert _size(wal) == 0

    tell(story)


def _size(path: Path) -> int:
    return path.stat().st_size


def test_a_reader_that_never_goes_stops_no_erasure(tell: Callable[[Story], None], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sqlite, "BUSY_RETRIES", 2)

    async def story(world: World) -> None:
        person = await world.sign_up("sam")
        with closing(sqlite3.connect(world.places.platform, isolation_level=None)) as reader:
            reader.execute("BEGIN")
            reader.execute("SELECT count(*) FROM users").fetchone()
            answer = await person.call("POST", "/api/account/erase", {"phrase": "erase my account"}, headers=await person.step_up("erase"))
            assert answer.status_code == httpx.codes.OK, answer.text

    tell(story)
