"""The erasure ledger in its three places: repaired from the platform's own, and believed only where it is genuine."""

import asyncio
import json
import shutil
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests import databases
from tests.lifecycle.stage import copied_on, person, places_in, started
from tests.support import Template
from timos.kernel.errors import StartError
from timos.lifecycle import ledgers
from timos.lifecycle.erase import erase
from timos.lifecycle.founding.places import Places
from timos.lifecycle.instance import Instance
from timos.platform.ledger import Entry
from timos.vault import facts

pytestmark = pytest.mark.every_engine("sqlite", "postgresql", "mariadb")

Lines = list[str]


async def erase_some(instance: Instance, number: int, name: str = "sam") -> None:
    for each in range(number):
        await erase(instance, (await person(instance, f"{name}{each}")).id)


@dataclass(frozen=True, slots=True)
class Erased:
    """An instance from which two accounts were erased, and the same as it was after the first."""

    after_two: Template
    after_one: Places


@pytest.fixture(scope="module")
def all_erased() -> dict[str, Erased]:
    """By engines."""
    return {}


@pytest.fixture
def erased(template_on: Template, all_erased: dict[str, Erased], tmp_path_factory: pytest.TempPathFactory) -> Erased:
    engines = template_on.pair.name
    if engines not in all_erased:
        folder = tmp_path_factory.mktemp("erased")
        one = template_on.kept(folder / "one")
        erase_in(one, "sam")
        two = one.kept(folder / "two")
        erase_in(two, "eva")
        all_erased[engines] = Erased(two, places_in(one.folder, **one.settings))
    return all_erased[engines]


def erase_in(made: Template, name: str) -> None:
    tell(places_in(made.folder, **made.settings), lambda instance: erase_some(instance, 1, name))


@pytest.fixture
def places(erased: Erased, tmp_path: Path) -> Iterator[Places]:
    with copied_on(erased.after_two, tmp_path) as places:
        yield places


def put_back(erased: Erased, half: str, places: Places) -> None:
    """One database as it was after the first erasure."""
    before, at = ((of.platform_at if half == "platform" else of.vault_at) for of in (erased.after_one, places))
    if isinstance(before, Path) and isinstance(at, Path):
        shutil.copyfile(before, at)
        return
    for table in databases.tables_of(at):
        databases.sql(at, f"DELETE FROM {table}")  # noqa: S608
        for row in databases.sql(before, f"SELECT * FROM {table}"):  # noqa: S608
            databases.sql(at, f"INSERT INTO {table} VALUES ({', '.join('?' * len(row))})", *row)  # noqa: S608


def tell(places: Places, story: Callable[[Instance], Awaitable[None]]) -> None:
    async def told() -> None:
        async with started(places) as instance:
            await story(instance)

    asyncio.run(told())


def file_lines(places: Places) -> Lines:
    return places.ledger.read_text(encoding="utf-8").splitlines()


def write_lines(places: Places, lines: Lines) -> None:
    places.ledger.write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")


def set_vault_lines(places: Places, lines: Lines) -> None:
    databases.sql(places.vault_at, "DELETE FROM ledger")
    for sequence, line in enumerate(lines, 1):
        databases.sql(places.vault_at, "INSERT INTO ledger (sequence, line) VALUES (?, ?)", sequence, line)


def test_all_three_places_tell_the_same_and_name_nobody(places: Places) -> None:
    async def story(instance: Instance) -> None:
        own = [entry.line() for entry in await instance.ledger.entries()]
        assert len(own) == 2
        assert file_lines(places) == await facts.ledger_lines(instance.vault) == own
        assert await ledgers.longest(instance) == await instance.ledger.entries()
        await ledgers.require_complete(instance)
        for entry in await instance.ledger.entries():
            user_id, vault_id = instance.ledger.open(entry)
            for path in (places.ledger, *places.files):
                content = path.read_bytes()
                assert vault_id not in content
                assert user_id not in content or path == places.platform_at  # its audit log knows who, not what
        assert places.ledger.stat().st_mode & 0o077 == 0

    tell(places, story)


@pytest.mark.parametrize("lost", ["file", "vault", "both"])
def test_a_copy_that_is_behind_is_brought_up(places: Places, erased: Erased, lost: str) -> None:
    wanted = file_lines(places)
    if lost in {"file", "both"}:
        places.ledger.unlink()
    if lost in {"vault", "both"}:
        put_back(erased, "vault", places)

    async def story(instance: Instance) -> None:
        await ledgers.require_complete(instance)
        await ledgers.copy_out(instance)
        assert file_lines(places) == wanted
        assert await facts.ledger_lines(instance.vault) == wanted
        before = places.ledger.stat()
        await ledgers.copy_out(instance)
        assert places.ledger.stat().st_mtime_ns == before.st_mtime_ns  # nothing to do, nothing written

    tell(places, story)


@pytest.mark.parametrize("witness", ["file", "vault"])
def test_a_platform_that_was_put_back_behind_an_erasure_is_refused(places: Places, erased: Erased, witness: str) -> None:
    put_back(erased, "platform", places)
    if witness == "file":
        put_back(erased, "vault", places)
    else:
        places.ledger.unlink()

    async def story(instance: Instance) -> None:
        assert len(await ledgers.longest(instance)) == 2
        with pytest.raises(StartError, match="older than the newest erasure"):
            await ledgers.require_complete(instance)

    tell(places, story)


def _changed(line: str, **fields: object) -> str:
    return json.dumps(json.loads(line) | fields)


def _mirrored(text: str) -> str:
    return text[:10] + ("A" if text[10] != "A" else "B") + text[11:]


FORGERIES: dict[str, Callable[[Lines], Lines]] = {
    "another time": lambda lines: [_changed(lines[0], at=5), lines[1]],
    "another sealed part": lambda lines: [lines[0], _changed(lines[1], sealed=_mirrored(json.loads(lines[1])["sealed"]))],
    "another signature": lambda lines: [lines[0], _changed(lines[1], signature=_mirrored(json.loads(lines[1])["signature"]))],
    "the first one gone": lambda lines: [lines[1]],
    "the order changed": lambda lines: [lines[1], lines[0]],
    "one twice": lambda lines: [*lines, lines[1]],
    "a number skipped": lambda lines: [lines[0], _changed(lines[1], sequence=3)],
    "one more, of nobody": lambda lines: [*lines, _changed(lines[1], sequence=3, previous=json.loads(lines[1])["previous"])],
}
TEARS: dict[str, Callable[[Lines], Lines]] = {
    "half a line": lambda lines: [lines[0], lines[1][:40]],
    "no JSON": lambda lines: ["Dear Sir,", *lines],
    "an empty line": lambda lines: [lines[0], "", lines[1]],
    "a field gone": lambda lines: [lines[0], json.dumps({"sequence": 2})],
    "a number for a text": lambda lines: [lines[0], _changed(lines[1], sealed=5)],
    "a list": lambda lines: [lines[0], "[]"],
    "a number below one": lambda lines: [_changed(lines[0], sequence=0), lines[1]],
    "deep": lambda lines: [lines[0], "[" * 100_000],
}


def put_lines(places: Places, place: str, lines: Lines) -> None:
    if place == "file":
        write_lines(places, lines)
    else:
        set_vault_lines(places, lines)


@pytest.mark.every_engine("sqlite")  # what a line says is the same everywhere
@pytest.mark.parametrize("place", ["file", "vault"])
@pytest.mark.parametrize("forge", FORGERIES.values(), ids=FORGERIES.keys())
def test_a_copy_that_is_not_genuine_is_refused_by_name(places: Places, forge: Callable[[Lines], Lines], place: str) -> None:
    put_lines(places, place, forge(file_lines(places)))

    async def story(instance: Instance) -> None:
        with pytest.raises(StartError, match="not genuine") as caught:
            await ledgers.require_complete(instance)
        assert (str(places.ledger) if place == "file" else "the vault database") in str(caught.value)

    tell(places, story)


@pytest.mark.every_engine("sqlite")  # what a line says is the same everywhere
@pytest.mark.parametrize("place", ["file", "vault"])
@pytest.mark.parametrize("tear", TEARS.values(), ids=TEARS.keys())
def test_a_torn_copy_is_refused_by_name(places: Places, tear: Callable[[Lines], Lines], place: str) -> None:
    put_lines(places, place, tear(file_lines(places)))

    async def story(instance: Instance) -> None:
        with pytest.raises(StartError, match="cannot be read") as caught:
            await ledgers.require_complete(instance)
        assert (str(places.ledger) if place == "file" else "the vault database") in str(caught.value)

    tell(places, story)


def test_a_file_that_is_no_text_is_refused_by_name(places: Places) -> None:
    places.ledger.write_bytes(b"\xff\xfe\x00")

    async def story(instance: Instance) -> None:
        with pytest.raises(StartError, match="cannot be read"):
            await ledgers.require_complete(instance)

    tell(places, story)


def test_an_entry_changed_in_the_platform_is_refused_too(places: Places) -> None:
    databases.sql(places.platform_at, "UPDATE erasure_ledger SET at = at + 1 WHERE sequence = 1")

    async def story(instance: Instance) -> None:
        with pytest.raises(StartError, match=r"Entry 1 .*the platform database is not genuine"):
            await ledgers.require_complete(instance)

    tell(places, story)


def test_two_genuine_ledgers_that_tell_different_stories_are_refused(places: Places, erased: Erased) -> None:
    """After the first erasure, a database put back by hand and another account erased: both second entries are signed."""
    known = file_lines(places)
    put_back(erased, "platform", places)
    put_back(erased, "vault", places)
    write_lines(places, known[:1])

    async def fork(instance: Instance) -> None:
        await ledgers.require_complete(instance)
        await erase_some(instance, 1, "kim")

    tell(places, fork)
    forked = file_lines(places)
    assert forked[0] == known[0]
    assert forked[1] != known[1]
    write_lines(places, known)

    async def story(instance: Instance) -> None:
        assert all(instance.ledger.verify(map(Entry.parse, lines)) is None for lines in (known, forked))
        with pytest.raises(StartError, match="tells another story"):
            await ledgers.require_complete(instance)

    tell(places, story)


def test_a_write_of_the_file_that_was_cut_short_is_no_obstacle(places: Places) -> None:
    fresh = places.ledger.with_suffix(".new")
    fresh.write_text("half a li")
    wanted = file_lines(places)
    places.ledger.unlink()

    async def story(instance: Instance) -> None:
        await ledgers.copy_out(instance)
        assert file_lines(places) == wanted
        assert not fresh.exists()

    tell(places, story)
