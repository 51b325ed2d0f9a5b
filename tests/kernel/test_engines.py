"""The port on real servers: transactions, whole retries, bounded waiting, lost connections."""

import asyncio
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Awaitable, Callable, Iterator
from contextlib import closing, nullcontext, suppress
from dataclasses import replace
from pathlib import Path

import pytest
from sqlalchemy import text

from tests import databases, servers
from tests.databases import Engine, Engines, Pooled
from timos.kernel.db import durability, pool, server
from timos.kernel.db.address import Server
from timos.kernel.db.opening import open_database
from timos.kernel.db.port import Row, UniqueError
from timos.kernel.db.server import Connection, ServerDatabase
from timos.kernel.db.statements import Statement
from timos.kernel.errors import DatabaseError, UnavailableError

pytestmark = [pytest.mark.slow, pytest.mark.servers]

ADD = Statement("add", text("INSERT INTO words (id, word) VALUES (:id, :word)"))
SET = Statement("set", text("UPDATE words SET word = :word WHERE id = :id"))
GET = Statement("get", text("SELECT word FROM words WHERE id = :id"))
ALL = Statement("all", text("SELECT id, word FROM words ORDER BY id"))
SLEEP = Statement("sleep", text("SELECT pg_sleep(30)"), mysql=text("SELECT sleep(30)"))

Story = Callable[["ServerDatabase[Connection]"], Awaitable[None]]


without_pooler = pytest.mark.parametrize("engine", ["postgresql", "mariadb"], indirect=True)


@pytest.fixture(params=["postgresql", "mariadb", "pgbouncer"])
def engine(request: pytest.FixtureRequest, engines: Engines) -> Iterator[Engine | Pooled]:
    with engines.pooled() if request.param == "pgbouncer" else nullcontext(engines.get(request.param)) as found:
        yield found


@pytest.fixture
def address(engine: Engine | Pooled) -> Iterator[Server]:
    url = engine.create()
    made = databases.address_of(url)
    kind = "bytea" if engine.name == "postgresql" else "varbinary(64)"
    databases.sql(made, f"CREATE TABLE words (id integer PRIMARY KEY, word {kind} NOT NULL)")
    yield made
    engine.drop(url)


@pytest.fixture
def tell(address: Server) -> Callable[[Story], None]:
    async def told(story: Story) -> None:
        database = opened(address)
        try:
            await story(database)
        finally:
            await database.close()

    return lambda story: asyncio.run(told(story))


def opened(address: Server) -> "ServerDatabase[Connection]":
    database = open_database(address)
    assert isinstance(database, ServerDatabase)
    return database


async def add(database: "ServerDatabase[Connection]", number: int, word: bytes = b"word") -> None:
    async with database.transaction() as tx:
        assert await tx.run(ADD, {"id": number, "word": word}) == 1


async def words(database: "ServerDatabase[Connection]") -> list[Row]:
    return await database.fetch(ALL, {})


def test_all_of_it_or_nothing(tell: Callable[[Story], None]) -> None:
    async def story(database: "ServerDatabase[Connection]") -> None:
        await add(database, 1, b"\0\xff'\\\"%s?")

        async def fail() -> None:
            async with database.transaction() as tx:
                await tx.run(ADD, {"id": 2, "word": b"x"})
                assert len(await tx.fetch(ALL, {})) == 2
                raise LookupError

        with pytest.raises(LookupError):
            await fail()
        assert await words(database) == [(1, b"\0\xff'\\\"%s?")]

    tell(story)


def test_a_key_that_is_taken_is_told_apart_and_undoes_the_rest(tell: Callable[[Story], None]) -> None:
    async def story(database: "ServerDatabase[Connection]") -> None:
        await add(database, 1)

        async def collide() -> None:
            async with database.transaction() as tx:
                await tx.run(ADD, {"id": 2, "word": b"x"})
                await tx.run(ADD, {"id": 1, "word": b"x"})

        with pytest.raises(UniqueError):
            await collide()
        assert [number for number, _ in await words(database)] == [1]

    tell(story)


def test_one_statement_alone_is_a_transaction_of_its_own(tell: Callable[[Story], None]) -> None:
    async def story(database: "ServerDatabase[Connection]") -> None:
        assert await database.run(ADD, {"id": 1, "word": b"one"}) == 1
        with pytest.raises(UniqueError):
            await database.run(ADD, {"id": 1, "word": b"two"})
        assert await database.run(SET, {"id": 1, "word": b"three"}) == 1
        assert await database.run(SET, {"id": 2, "word": b"three"}) == 0
        assert await words(database) == [(1, b"three")]

    tell(story)


def test_one_statement_alone_outlives_its_connection(tell: Callable[[Story], None], address: Server) -> None:
    async def story(database: "ServerDatabase[Connection]") -> None:
        await add(database, 1)
        end_sessions(address)
        assert await database.run(SET, {"id": 1, "word": b"new"}) == 1
        assert await words(database) == [(1, b"new")]

    tell(story)


def test_a_change_that_changes_nothing_is_a_hit_and_one_of_nothing_is_not(tell: Callable[[Story], None]) -> None:
    async def story(database: "ServerDatabase[Connection]") -> None:
        await add(database, 1)
        async with database.transaction() as tx:
            assert await tx.run(SET, {"id": 1, "word": b"word"}) == 1
            assert await tx.run(SET, {"id": 2, "word": b"word"}) == 0

    tell(story)


def test_a_text_that_is_too_long_is_refused_and_not_cut(tell: Callable[[Story], None], engine: Engine | Pooled) -> None:
    has_lengths = engine.name == "mariadb"  # a bytea has none: there it is kept whole

    async def story(database: "ServerDatabase[Connection]") -> None:
        with pytest.raises(DatabaseError) if has_lengths else nullcontext():
            await add(database, 1, b"x" * 65)
        assert await words(database) == ([] if has_lengths else [(1, b"x" * 65)])

    tell(story)


def test_of_two_transactions_that_wait_for_each_other_the_one_given_up_is_run_again_whole(tell: Callable[[Story], None]) -> None:
    async def story(database: "ServerDatabase[Connection]") -> None:
        await add(database, 1)
        await add(database, 2)
        both = asyncio.Barrier(2)

        async def change(first: int, second: int, word: bytes) -> None:
            async with database.transaction() as tx:
                await tx.run(SET, {"id": first, "word": word})
                await both.wait()
                await tx.run(SET, {"id": second, "word": word})

        await asyncio.gather(change(1, 2, b"one"), change(2, 1, b"two"))
        (_, one), (_, two) = await words(database)
        assert one == two  # never half of each

    tell(story)


def test_what_was_decided_on_an_answer_that_is_another_now_is_not_stored(tell: Callable[[Story], None]) -> None:
    """The one given up had read a word; meanwhile it is another: the caller must decide anew."""

    async def story(database: "ServerDatabase[Connection]") -> None:
        for number in (1, 2, 3):
            await add(database, number)
        both = asyncio.Barrier(2)

        async def change(first: int, second: int, word: bytes) -> None:
            async with database.transaction() as tx:
                await tx.fetch(GET, {"id": 3})
                await tx.run(SET, {"id": first, "word": word})
                await both.wait()
                await tx.run(SET, {"id": second, "word": word})
                await tx.run(SET, {"id": 3, "word": word})

        ended = await asyncio.gather(change(1, 2, b"one"), change(2, 1, b"two"), return_exceptions=True)
        assert sorted(type(end).__name__ for end in ended) == ["DatabaseError", "NoneType"]
        assert len({word for _, word in await words(database)}) == 1

    tell(story)


def test_a_lost_connection_is_replaced_also_in_the_middle_of_a_transaction(tell: Callable[[Story], None], address: Server) -> None:
    async def story(database: "ServerDatabase[Connection]") -> None:
        await add(database, 1)
        end_sessions(address)
        assert len(await words(database)) == 1  # the idle one was of the time before
        end_sessions(address)
        await add(database, 2)
        async with database.transaction() as tx:
            await tx.run(ADD, {"id": 3, "word": b"x"})
            end_sessions(address)
            await tx.run(ADD, {"id": 4, "word": b"x"})
        assert [number for number, _ in await words(database)] == [1, 2, 3, 4]

    tell(story)


def test_a_connection_lost_before_the_commit_is_an_error_because_nobody_can_know(tell: Callable[[Story], None], address: Server) -> None:
    async def story(database: "ServerDatabase[Connection]") -> None:

        async def lose() -> None:
            async with database.transaction() as tx:
                await tx.run(ADD, {"id": 1, "word": b"x"})
                end_sessions(address)

        with pytest.raises(DatabaseError):
            await lose()
        assert await words(database) == []
        await add(database, 1)

    tell(story)


def end_sessions(address: Server) -> None:
    """As an operator does, or a server that is started again."""
    if address.dialect == "postgresql":
        databases.sql(
            address,
            "SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()",
        )
        return
    ids = databases.sql(address, "SELECT id FROM information_schema.processlist WHERE db = database() AND id <> connection_id()")
    for (number,) in ids:
        databases.sql(address, f"KILL {number!r}")


def test_no_answer_in_time_is_an_error_and_the_next_one_is_answered(tell: Callable[[Story], None], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(server, "COMMAND_SECONDS", 0.2)

    async def story(database: "ServerDatabase[Connection]") -> None:
        with pytest.raises(DatabaseError):
            await database.fetch(SLEEP, {})
        with pytest.raises(DatabaseError):
            async with database.transaction() as tx:
                await tx.fetch(SLEEP, {})
        monkeypatch.setattr(server, "COMMAND_SECONDS", 10)
        await add(database, 1)

    tell(story)


def test_a_table_that_somebody_else_changes_is_asked_again(tell: Callable[[Story], None], address: Server) -> None:
    kind = "varchar(64) USING encode(word, 'escape')" if address.dialect == "postgresql" else "varchar(64)"
    change = f"ALTER TABLE words {'ALTER word TYPE' if address.dialect == 'postgresql' else 'MODIFY word'} {kind}"

    async def story(database: "ServerDatabase[Connection]") -> None:
        await add(database, 1, b"word")
        assert await words(database) == [(1, b"word")]
        databases.sql(address, change)
        assert await words(database) == [(1, "word")]

    tell(story)


def test_whoever_goes_away_in_the_middle_leaves_no_half_and_no_place_taken(tell: Callable[[Story], None], address: Server) -> None:
    async def gone(database: "ServerDatabase[Connection]") -> None:
        async with database.transaction() as tx:
            await tx.run(ADD, {"id": 1, "word": b"x"})
            await tx.fetch(SLEEP, {})

    async def story(_: "ServerDatabase[Connection]") -> None:
        database = opened(replace(address, pool=2))
        for _round in range(3):
            going = [asyncio.create_task(gone(database)), asyncio.create_task(database.fetch(SLEEP, {}))]
            await asyncio.sleep(0.1)
            for task in going:
                task.cancel()
            await asyncio.gather(*going, return_exceptions=True)
        assert await words(database) == []
        await add(database, 2)  # not 1: whoever went away holds its lock until the server has noticed
        await database.close()

    tell(story)


def test_a_full_pool_lets_so_many_wait_for_so_long(tell: Callable[[Story], None], address: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pool, "LONGEST_QUEUE", 2)

    async def story(_: "ServerDatabase[Connection]") -> None:
        database = opened(replace(address, pool=1))
        async with database.transaction():
            asked = [asyncio.create_task(words(database)) for _ in range(3)]
            (refused,), waiting = await asyncio.wait(asked, return_when=asyncio.FIRST_COMPLETED)
            assert isinstance(refused.exception(), UnavailableError)  # at once: the other two still wait
            assert len(waiting) == 2
        await asyncio.gather(*waiting)  # they take turns
        monkeypatch.setattr(pool, "WAIT_SECONDS", 0.2)
        async with database.transaction():
            ended = await asyncio.gather(*(words(database) for _ in range(2)), return_exceptions=True)
            assert all(isinstance(end, UnavailableError) and end.retry_after_seconds for end in ended)
        await asyncio.gather(*(words(database) for _ in range(3)))
        await database.close()

    tell(story)


def test_a_server_that_is_not_there_and_one_that_says_nothing_are_errors_in_bounded_time(
    address: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pool, "CONNECT_SECONDS", 0.3)

    async def story() -> None:
        with closing(socket.create_server(("127.0.0.1", 0))) as mute:
            port = mute.getsockname()[1]
            for _ in range(2):
                database = opened(replace(address, port=port))
                with pytest.raises(DatabaseError):
                    await database.fetch(ALL, {})
                with pytest.raises(DatabaseError):
                    async with database.transaction():
                        pass
                await database.close()
        database = opened(replace(address, port=port))
        with pytest.raises(DatabaseError):
            await database.fetch(ALL, {})

    asyncio.run(story())


def test_a_server_without_tls_is_not_spoken_to_when_it_is_asked_for(address: Server) -> None:
    async def story() -> None:
        database = opened(replace(address, has_tls=True))
        with pytest.raises(DatabaseError):
            await database.fetch(ALL, {})

    asyncio.run(story())


def test_without_prepared_statements_it_works_as_well(address: Server) -> None:
    async def story() -> None:
        database = opened(replace(address, is_prepared=False))
        for number in range(3):
            await add(database, number)
        assert len(await words(database)) == 3
        await database.close()

    asyncio.run(story())


@without_pooler  # it keeps sessions open, which see later ones of their database no more than others do
def test_settings_that_lose_what_was_acknowledged_are_seen_on_the_live_server(tell: Callable[[Story], None], address: Server) -> None:
    harm, mend, seen = {
        "postgresql": ("ALTER DATABASE {} SET synchronous_commit = off", "SELECT 1", "synchronous_commit=off"),
        "mysql": (
            "SET GLOBAL innodb_flush_log_at_trx_commit = 2",
            "SET GLOBAL innodb_flush_log_at_trx_commit = 1",
            "innodb_flush_log_at_trx_commit=2",
        ),
    }[address.dialect]

    async def story(database: "ServerDatabase[Connection]") -> None:
        assert await durability.weaknesses(database) == []
        databases.sql(address, harm.format(address.database))
        try:
            again = opened(address)
            assert await durability.weaknesses(again) == [seen]
            await again.close()
        finally:
            databases.sql(address, mend)

    tell(story)


def test_a_binary_log_that_is_not_synced_is_seen_where_there_is_one(engines: Engines) -> None:
    """MariaDB's replicas and recoveries follow it; without one its setting means nothing."""
    engines.get("mariadb")  # or it is not run, and says so

    async def weaknesses(url: Server) -> list[str]:
        database = opened(url)
        try:
            return await durability.weaknesses(database)
        finally:
            await database.close()

    for options, seen in ((["--log-bin=log"], ["sync_binlog=0"]), (["--log-bin=log", "--sync-binlog=1"], []), ([], [])):
        with servers.running("mariadb", *options) as running:
            own = Engine(running)
            own.wait()
            assert asyncio.run(weaknesses(own.address("mysql"))) == seen


@without_pooler
def test_a_server_that_dies_is_an_error_at_once(engine: Engine | Pooled) -> None:
    """Its own server: the shared one is needed by others."""
    with servers.running(engine.name) as running:
        own = Engine(running)
        own.wait()
        one = Statement("one", text("SELECT 1"))

        async def story() -> None:
            database = opened(own.address("postgres" if engine.name == "postgresql" else "mysql"))
            assert await database.fetch(one, {}) == [(1,)]
            os.kill(running.pid, signal.SIGQUIT if engine.name == "postgresql" else signal.SIGKILL)
            until = time.monotonic() + 10
            with suppress(DatabaseError):
                while time.monotonic() < until:
                    await database.fetch(one, {})
            assert time.monotonic() < until
            await database.close()

        asyncio.run(story())


def test_the_servers_are_gone_when_the_tests_are_killed(tmp_path: Path) -> None:
    code = "from tests import servers\nwith servers.running('postgresql') as it: print(it.pid, it.folder, flush=True); input()"
    killed = subprocess.Popen(
        [sys.executable, "-c", code], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, cwd=Path(__file__).parents[2]
    )
    assert killed.stdout is not None
    pid, folder = killed.stdout.readline().split()
    killed.kill()
    killed.wait()
    killed.stdout.close()
    assert killed.stdin is not None
    killed.stdin.close()
    until = time.monotonic() + 20
    while Path(folder).exists() and time.monotonic() < until:
        time.sleep(0.1)
    assert not Path(folder).exists()
    assert not Path(f"/proc/{pid}").exists()
