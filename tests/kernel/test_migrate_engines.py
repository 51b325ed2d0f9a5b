"""Both histories on servers: the schema is that of the models, up and down, with rows, by two at once, and cut short."""

import multiprocessing
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import Connection, MetaData, inspect

from tests import databases
from tests.databases import Engine, Engines
from tests.kernel.test_migrate import CUT_SHORT, FIRST, HISTORIES, make_history
from timos.kernel.db import alchemy, facts, migrate
from timos.kernel.db.address import Server
from timos.kernel.errors import StartError
from timos.lifecycle.founding.upgrading import VAULT_HISTORY
from timos.vault.tables import METADATA as VAULT

pytestmark = [pytest.mark.slow, pytest.mark.servers]

FREE = {"meta", "ledger", "alembic_version"}  # of the vault's tables those that hold nothing of a user


@pytest.fixture(params=["postgresql", "mariadb"])
def engine(request: pytest.FixtureRequest, engines: Engines) -> Engine:
    return engines.get(request.param)


@pytest.fixture
def address(engine: Engine) -> Iterator[Server]:
    url = engine.create()
    yield engine.address(url.rpartition("/")[2])
    engine.drop(url)


def looked_at(address: Server, look: Callable[[Connection], object]) -> object:
    async def looking() -> object:
        made = alchemy.engine(address)
        async with made.connect() as connection:
            found = await connection.run_sync(look)
        await made.dispose()
        return found

    return migrate._apart(looking)


def schema(address: Server) -> dict[str, object]:
    """Tables with their columns, keys and indexes, but for the version's own."""

    def look(connection: Connection) -> dict[str, object]:
        found = inspect(connection)
        names = sorted(set(found.get_table_names()) - {"alembic_version"})
        return {
            name: (
                [(column["name"], str(column["type"]), column["nullable"]) for column in found.get_columns(name)],
                found.get_pk_constraint(name)["constrained_columns"],
                sorted((index["name"] or "", index["column_names"]) for index in found.get_indexes(name)),
            )
            for name in names
        }

    result = looked_at(address, look)
    assert isinstance(result, dict)
    return result


@pytest.mark.parametrize(("history", "models"), HISTORIES)
def test_the_migrated_schema_is_that_of_the_models(address: Server, history: Path, models: MetaData) -> None:
    migrate.upgrade(address, history)

    def look(connection: Connection) -> object:
        context = MigrationContext.configure(connection, opts={"compare_type": True, "compare_server_default": True})
        return compare_metadata(context, models)

    assert looked_at(address, look) == []


@pytest.mark.parametrize(("history", "models"), HISTORIES)
def test_up_down_and_up_again(address: Server, history: Path, models: MetaData) -> None:
    assert not migrate.exists(address)
    assert migrate.current(address) is None
    migrate.upgrade(address, history)
    first = schema(address)
    assert first.keys() == models.tables.keys()
    assert migrate.current(address) == migrate.head(history)
    assert migrate.exists(address)
    migrate.downgrade(address, history, "base")
    assert schema(address) == {}
    assert migrate.current(address) is None
    migrate.upgrade(address, history)
    assert schema(address) == first
    migrate.upgrade(address, history)  # nothing to do
    assert schema(address) == first


def test_from_the_revision_before_rows_stay_what_they_were(address: Server) -> None:
    migrate.upgrade(address, VAULT_HISTORY, "0001")
    row = (bytes(range(16)), b"\xff" * 16, None, b"sealed\0" * 9)
    assert migrate.is_pending(address, VAULT_HISTORY)
    databases.sql(address, "INSERT INTO daily_entries (vault_id, id, tag, sealed) VALUES (?, ?, ?, ?)", *row)
    facts.write_all(address, {"install_id": b"i" * 16})
    migrate.upgrade(address, VAULT_HISTORY)
    assert databases.sql(address, "SELECT vault_id, id, tag, sealed FROM daily_entries") == [row]
    migrate.downgrade(address, VAULT_HISTORY, "0001")
    assert databases.sql(address, "SELECT vault_id, id, tag, sealed FROM daily_entries") == [row]
    assert facts.read_all(address) == {"install_id": b"i" * 16}


def test_two_processes_at_once_migrate_once(address: Server) -> None:
    context = multiprocessing.get_context("spawn")
    processes = [context.Process(target=migrate.upgrade, args=(address, VAULT_HISTORY)) for _ in range(2)]
    for process in processes:
        process.start()
    for process in processes:
        process.join()
    assert [process.exitcode for process in processes] == [0, 0]
    assert schema(address).keys() == VAULT.tables.keys()


def test_whoever_looks_while_another_migrates_waits_for_it(address: Server, tmp_path: Path) -> None:
    slow = FIRST.replace("    op.create_table", "    import time; time.sleep(0.7)\n    op.create_table")
    history = make_history(tmp_path / "slow", first=slow)
    with ThreadPoolExecutor(1) as thread:
        running = thread.submit(migrate.upgrade, address, history)
        while not migrate.exists(address) and not running.done():
            pass
        assert migrate.current(address) == "0001"
        running.result()


def test_a_migration_cut_short_is_undone_or_told(address: Server, tmp_path: Path) -> None:
    migrate.upgrade(address, make_history(tmp_path / "old", first=FIRST))
    before = schema(address)
    new = make_history(tmp_path / "new", first=FIRST, second=CUT_SHORT)
    with pytest.raises(LookupError):
        migrate.upgrade(address, new)
    if address.dialect == "postgresql":
        assert schema(address) == before
        assert migrate.current(address) == "0001"
        migrate.upgrade(address, make_history(tmp_path / "mended", first=FIRST, second=CUT_SHORT.replace("    raise LookupError\n", "")))
        assert migrate.current(address) == "0002"
        return
    for again in (migrate.current, lambda at: migrate.upgrade(at, new), lambda at: migrate.is_pending(at, new)):
        with pytest.raises(StartError, match=r"from 0001 to head was cut short.*backup"):
            again(address)


def test_a_database_of_a_newer_version_is_refused(address: Server) -> None:
    migrate.upgrade(address, VAULT_HISTORY)
    databases.sql(address, "UPDATE alembic_version SET version_num = '9999'")
    with pytest.raises(StartError, match=r"newer version.*9999.*nothing was changed"):
        migrate.upgrade(address, VAULT_HISTORY)


def test_a_server_that_is_not_there_is_told_with_its_address_and_without_its_password(address: Server) -> None:

    with pytest.raises(StartError, match=f"{address.user}@127.0.0.1:1/") as caught:
        migrate.exists(replace(address, port=1))
    assert address.password not in str(caught.value)


def test_texts_are_compared_byte_by_byte(address: Server) -> None:
    migrate.upgrade(address, VAULT_HISTORY)
    facts.write_all(address, {"word": b"1", "Word": b"2", "wörd": b"3"})
    assert len(facts.read_all(address)) == 3


def test_in_the_vault_every_key_and_index_begins_with_the_vault_and_nothing_runs_by_itself(address: Server) -> None:
    migrate.upgrade(address, VAULT_HISTORY)

    def look(connection: Connection) -> object:
        found = inspect(connection)
        wrong: list[object] = [found.get_view_names()] if found.get_view_names() else []
        for name in sorted(set(found.get_table_names()) - FREE):
            keys: list[list[str | None]] = [list(found.get_pk_constraint(name)["constrained_columns"])]
            keys += [list(index["column_names"]) for index in found.get_indexes(name)]
            keys += [list(unique["column_names"]) for unique in found.get_unique_constraints(name)]
            wrong += [(name, key) for key in keys if key[:1] != ["vault_id"]]
            wrong += [(name, key) for key in found.get_foreign_keys(name)]
            wrong += [(name, column) for column in found.get_columns(name) if column.get("default") or column.get("autoincrement") is True]
        return wrong

    assert looked_at(address, look) == []
    here = "current_schema()" if address.dialect == "postgresql" else "database()"
    assert databases.sql(address, f"SELECT count(*) FROM information_schema.triggers WHERE trigger_schema = {here}") == [(0,)]  # noqa: S608
    assert databases.sql(address, f"SELECT count(*) FROM information_schema.routines WHERE routine_schema = {here}") == [(0,)]  # noqa: S608
