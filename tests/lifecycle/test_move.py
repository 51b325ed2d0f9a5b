"""Moving a database: everything is in the new one, the old one is as it was and refused, and a move cut short anywhere goes on."""

import asyncio
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, replace
from pathlib import Path

import pytest

from tests import databases
from tests.databases import Engines, Half, Pair
from tests.lifecycle.stage import CutError, copied, person, places_in, read, snapshot, started, write
from tests.support import Clock, environment_in, make_template, run_command
from timos.kernel.db import contents, facts
from timos.kernel.db.address import Address, parse
from timos.kernel.db.port import Row
from timos.kernel.db.session import Session
from timos.kernel.errors import StartError
from timos.lifecycle import filling, health, ledgers, move
from timos.lifecycle.erase import erase
from timos.lifecycle.founding import pair
from timos.lifecycle.founding.places import Places
from timos.lifecycle.move import Half as Which
from timos.lifecycle.move import Moved
from timos.platform.accounts.account import Account

HALVES: tuple[Which, ...] = ("platform", "vault")
ROUTES = (("postgresql", "mariadb", "sqlite"), ("mariadb", "postgresql", "sqlite"))
MANY = 12_000  # rows: a dozen slices
SECONDS = 60


@dataclass(frozen=True, slots=True)
class Before:
    """An instance in which sam has written and somebody was erased; not running."""

    places: Places
    sam: Account


@pytest.fixture
def before(template: Path, tmp_path: Path) -> Before:
    places = copied(template, tmp_path)

    async def story() -> Before:
        async with started(places) as instance:
            sam = await person(instance)
            await write(instance, sam)
            await erase(instance, (await person(instance, "gone")).id)
            return Before(places, sam)

    return asyncio.run(story())


def moved(places: Places, half: Which, to: Address, told: list[tuple[str, int, int]] | None = None, *, dry_run: bool = False) -> Moved:
    def progress(name: str, done: int, total: int) -> None:
        assert 0 <= done <= total
        if told is not None:
            told.append((name, done, total))

    return asyncio.run(move.move(places, half, to, clock=Clock(), random=os.urandom, progress=progress, dry_run=dry_run))


def at(places: Places, half: Which, to: Address) -> Places:
    return replace(places, platform_at=to) if half == "platform" else replace(places, vault_at=to)


def mine(places: Places, half: Which) -> Address:
    return places.platform_at if half == "platform" else places.vault_at


def assert_whole(places: Places, sam: Account) -> None:
    async def story() -> None:
        async with started(places) as instance:
            await ledgers.require_complete(instance)
            assert await read(instance, sam) == "words"
            assert await instance.accounts.by_address("gone@example.org") is None
            assert [finding for finding in await health.examine(instance) if not finding.is_good] == []

    asyncio.run(story())


def refused(places: Places) -> str:
    async def story() -> None:
        async with started(places):
            pass

    with pytest.raises(StartError) as caught:
        asyncio.run(story())
    return str(caught.value)


def plant(places: Places, number: int) -> None:
    """Rows of nobody: a move asks for no key."""
    numbers = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < ?)"
    rows = "INSERT INTO mood_logs SELECT randomblob(16), randomblob(16), NULL, randomblob(200) FROM n"
    databases.sql(places.vault_at, f"{numbers} {rows}", number)


@pytest.fixture
def elsewhere(engines: Engines, tmp_path: Path) -> Iterator[Callable[[str], Address]]:
    """An empty place on that engine."""
    with ExitStack() as stack:

        def make(engine: str) -> Address:
            half = Half(engine, None if engine == "sqlite" else engines.get(engine))
            url = stack.enter_context(half.fresh())
            return parse(url, tmp_path) if url else tmp_path / f"{len(list(tmp_path.iterdir()))}.db"

        yield make


# ── there ────────────────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    "route", [("sqlite",), *(pytest.param(route, marks=(pytest.mark.slow, pytest.mark.servers)) for route in ROUTES)], ids="-".join
)
def test_after_each_move_everything_is_there_and_the_old_one_is_refused(
    before: Before, elsewhere: Callable[[str], Address], route: tuple[str, ...]
) -> None:
    places = before.places
    for engine in route:
        for half in HALVES:
            to = elsewhere(engine)
            done = moved(places, half, to)
            assert {table.table for table in done.tables} >= ({"users", "user_deks"} if half == "platform" else {"vault_gates", "ledger"})
            assert not done.is_begun
            text = refused(places)
            assert f"TIMOS_{half.upper()}_URL" in text
            assert "before it was moved" in text
            places = at(places, half, to)
        assert_whole(places, before.sam)
    known = [facts.read_all(address) for address in (places.platform_at, places.vault_at)]
    assert {pair.moves(of, half) for of in known for half in HALVES} == {len(route)}


def test_the_old_database_stays_as_it_was_to_the_last_byte(before: Before, tmp_path: Path) -> None:
    old = before.places.vault.read_bytes()
    moved(before.places, "vault", tmp_path / "new.db")
    assert before.places.vault.read_bytes() == old
    assert (tmp_path / "new.db").stat().st_mode & 0o077 == 0


def test_the_first_ids_of_rows_tell_nothing_of_their_order(before: Before, tmp_path: Path) -> None:
    plant(before.places, 50)
    moved(before.places, "vault", tmp_path / "new.db")
    ids = [int(row[0] or 0) for row in databases.sql(tmp_path / "new.db", "SELECT rowid FROM mood_logs ORDER BY vault_id, id")]
    assert len(ids) == 50
    assert min(ids) > 1000
    assert ids != sorted(ids)


def test_a_dry_run_counts_and_makes_nothing(before: Before, tmp_path: Path) -> None:
    databases.sql(before.places.vault_at, "PRAGMA wal_checkpoint(TRUNCATE)")
    kept = snapshot(tmp_path)
    done = moved(before.places, "vault", tmp_path / "new.db", dry_run=True)
    assert {table.table: table.rows for table in done.tables}["daily_entries"] == 1
    assert snapshot(tmp_path) == kept


# ── refused ──────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_a_running_server_is_not_robbed_of_its_database(before: Before, tmp_path: Path) -> None:
    async def story() -> None:
        async with started(before.places):
            with pytest.raises(StartError, match="Another TimOS server is using"):
                await asyncio.to_thread(moved, before.places, "vault", tmp_path / "new.db")

    asyncio.run(story())
    assert not (tmp_path / "new.db").exists()


@pytest.mark.every_engine("sqlite", "postgresql", "mariadb")
def test_a_place_that_is_not_empty_is_refused_and_left_alone(
    before: Before, pair: Pair, elsewhere: Callable[[str], Address], tmp_path: Path
) -> None:
    foreign = elsewhere(pair.vault.name)
    databases.sql(foreign, "CREATE TABLE letters (line VARCHAR(20))")
    databases.sql(foreign, "INSERT INTO letters VALUES ('mine')")
    for place in (foreign, before.places.vault_at, before.places.platform_at):
        with pytest.raises(StartError, match=r"is not empty|is where it is already"):
            moved(before.places, "vault", place)
    assert databases.sql(foreign, "SELECT line FROM letters") == [("mine",)]
    assert databases.tables_of(foreign) == ["letters"]
    assert_whole(before.places, before.sam)


def test_a_finished_move_is_not_begun_again(before: Before, tmp_path: Path) -> None:
    moved(before.places, "vault", tmp_path / "new.db")
    for to in (tmp_path / "new.db", tmp_path / "another.db"):
        with pytest.raises(StartError, match="before it was moved"):
            moved(before.places, "vault", to)
    assert_whole(at(before.places, "vault", tmp_path / "new.db"), before.sam)


def test_an_unfinished_move_of_another_database_is_not_gone_on_with(before: Before, tmp_path: Path) -> None:
    cut(before.places, "vault", tmp_path / "new.db", 6)
    with pytest.raises(StartError, match="is not empty"):
        moved(before.places, "platform", tmp_path / "new.db")
    other = make_template(tmp_path / "other")
    with pytest.raises(StartError, match="is not empty"):
        moved(places_in(other), "vault", tmp_path / "new.db")
    moved(before.places, "vault", tmp_path / "new.db")


# ── cut short ────────────────────────────────────────────────────────────────────────────────────────────────────────


def cut(places: Places, half: Which, to: Address, moment: int) -> bool:
    """Dies before the write of that number; False when there were fewer."""
    calls: list[str] = []

    def dying(real: Callable[..., object]) -> Callable[..., object]:
        def called(*arguments: object, **named: object) -> object:
            calls.append("")
            if len(calls) == moment:
                raise CutError
            return real(*arguments, **named)

        return called

    with pytest.MonkeyPatch.context() as patch:
        for owner, name in ((contents, "insert"), (contents, "clear"), (filling, "put_facts"), (filling, "put_fact")):
            patch.setattr(owner, name, dying(getattr(owner, name)))
        try:
            moved(places, half, to)
        except CutError:
            return True
    return False


@pytest.mark.slow
@pytest.mark.parametrize("half", HALVES)
def test_cut_short_before_any_write_the_old_pair_serves_and_the_same_command_ends_it(before: Before, tmp_path: Path, half: Which) -> None:
    moment, places = 1, before.places
    while cut(places, half, tmp_path / f"{moment}.db", moment):
        to = tmp_path / f"{moment}.db"
        assert_whole(places, before.sam)
        assert refused(at(places, half, to))
        assert moved(places, half, to).rows
        places = at(places, half, to)
        assert_whole(places, before.sam)
        moment += 1
    assert moment > 8


def test_what_was_written_to_the_old_one_between_two_attempts_is_in_the_new_one(before: Before, tmp_path: Path) -> None:
    plant(before.places, 3000)
    real, slices = contents.insert, []

    async def dying(opened: Session, table: contents.Table, rows: Sequence[Row]) -> None:
        slices.append(table.name)
        if slices.count("mood_logs") == 2:
            raise CutError
        await real(opened, table, rows)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(contents, "insert", dying)
        with pytest.raises(CutError):
            moved(before.places, "vault", tmp_path / "new.db")
    assert databases.sql(tmp_path / "new.db", "SELECT count(*) FROM mood_logs") == [(contents.SLICE_ROWS,)]
    databases.sql(before.places.vault_at, "DELETE FROM mood_logs WHERE id IN (SELECT id FROM mood_logs ORDER BY vault_id LIMIT 5)")
    databases.sql(before.places.vault_at, "INSERT INTO mood_logs VALUES (zeroblob(16), zeroblob(16), NULL, randomblob(9))")
    assert moved(before.places, "vault", tmp_path / "new.db").is_begun
    rows = [databases.sql(path, "SELECT * FROM mood_logs ORDER BY vault_id, id") for path in (before.places.vault_at, tmp_path / "new.db")]
    assert len(rows[0]) == 2996
    assert rows[0] == rows[1]


def test_a_row_that_changes_on_the_way_is_found(before: Before, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """And no database whose content is not that of the old one is ever called complete."""
    plant(before.places, 10)
    real = contents.insert

    async def falsified(opened: Session, table: contents.Table, rows: Sequence[Row]) -> None:
        changed = [tuple(b"x" + value[1:] if isinstance(value, bytes) and len(value) == 200 else value for value in row) for row in rows]
        await real(opened, table, changed)

    monkeypatch.setattr(contents, "insert", falsified)
    with pytest.raises(StartError, match="mood_logs is not the same on both sides"):
        moved(before.places, "vault", tmp_path / "new.db")
    assert "not complete" in refused(at(before.places, "vault", tmp_path / "new.db"))
    assert_whole(before.places, before.sam)


@pytest.mark.slow
@pytest.mark.servers
@pytest.mark.parametrize("engine", ["postgresql", "mariadb"])
def test_killed_in_the_middle_a_second_run_goes_on_where_it_stopped(
    before: Before, elsewhere: Callable[[str], Address], engines: Engines, engine: str, tmp_path: Path
) -> None:
    plant(before.places, MANY)
    to = elsewhere(engine)
    assert not isinstance(to, Path)
    (tmp_path / "to").write_text(engines.get(engine).url(to.database))
    environment = environment_in(tmp_path)
    line = [sys.executable, "-m", "timos", "db", "move", "vault", "--to-file", str(tmp_path / "to"), "--json"]
    process = subprocess.Popen(line, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    until = time.monotonic() + SECONDS
    while not (there := rows_in(to)) and time.monotonic() < until and process.poll() is None:
        time.sleep(0.005)
    process.send_signal(signal.SIGKILL)
    assert process.wait(SECONDS) == -signal.SIGKILL
    there = rows_in(to)
    assert 0 < there < MANY
    told: list[tuple[str, int, int]] = []
    done = moved(before.places, "vault", to, told)
    assert done.is_begun
    assert next(each for each in told if each[0] == "mood_logs") == ("mood_logs", there, MANY)
    assert {table.table: table.rows for table in done.tables}["mood_logs"] == MANY
    assert_whole(at(before.places, "vault", to), before.sam)


def rows_in(address: Address) -> int:
    if "mood_logs" not in databases.tables_of(address):
        return 0
    return int(databases.sql(address, "SELECT count(*) FROM mood_logs")[0][0] or 0)


# ── the command ──────────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.slow
def test_the_command_says_what_to_set_and_that_the_old_one_is_refused(before: Before, tmp_path: Path) -> None:
    environment = environment_in(tmp_path)
    dry = run_command(environment, "db", "move", "vault", "--to", "sqlite:new.db", "--dry-run")
    assert "would be copied" in dry.stdout
    done = run_command(environment, "db", "move", "vault", "--to", "sqlite:new.db")
    assert done.returncode == 0, done.stderr
    assert "TIMOS_VAULT_URL=sqlite:new.db" in done.stdout
    assert "refused from now on" in done.stderr
    doctor = run_command(environment, "doctor")
    assert doctor.returncode == 7
    assert "before it was moved" in doctor.stderr
    assert run_command(environment | {"TIMOS_VAULT_URL": "sqlite:new.db"}, "doctor").returncode == 0


@pytest.mark.slow
def test_the_command_takes_one_place_and_tells_json(before: Before, tmp_path: Path) -> None:
    environment = environment_in(tmp_path)
    assert run_command(environment, "db", "move", "vault").returncode == 2
    assert run_command(environment, "db", "move", "vault", "--to", "nonsense:x").returncode == 7
    done = run_command(environment, "db", "move", "platform", "--to", "sqlite:new.db", "--json")
    facts_told = json.loads(done.stdout)
    assert facts_told["database"] == "platform"
    assert not facts_told["resumed"]
    assert all(len(table["sha256"]) == 64 for table in facts_told["tables"])
