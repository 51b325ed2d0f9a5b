"""A database filled with the contents of another one, whatever the engines: what moving, backing up and restoring share.

- A database that is not complete says so in its table `meta`, which holds nothing else then: no start and no backup takes it for whole.
- It is complete only after every table was read again on both sides and had the same number of rows and the same digest.
"""

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from timos.kernel.db import contents, facts, migrate
from timos.kernel.db.address import Address
from timos.kernel.db.contents import Digest, Table
from timos.kernel.db.port import UniqueError
from timos.kernel.db.session import Session, session, transaction
from timos.kernel.errors import DatabaseError, StartError

META: Final = "meta"
FILLING: Final = "filling"  # the fact of a database that is not complete; its value tells what it is filled with

Progress = Callable[[str, int, int], None]  # what, rows done, rows in all
Facts = dict[str, bytes]


@dataclass(frozen=True, slots=True)
class Filled:
    """One table as it is on both sides."""

    table: str
    rows: int
    sha256: str


async def fill(source: Address, target: Address, mark: bytes, *, goes_on: bool, becomes: Facts, progress: Progress) -> list[Filled]:
    """`goes_on`: with the rows that an earlier attempt left in the target; otherwise they are deleted. At the end the target's facts are
    `becomes`. Migrate both to the same revision before.

    Raises:
        StartError: a database does not answer or refuses a row, or both sides still differ after all was copied anew.
    """
    async with _both(source, target) as (old, new):
        layout = await _layout(old, new, source, target)
        await put_facts(new, {FILLING: mark})
        for table in layout if not goes_on else ():
            await contents.clear(new, table)
        await _copy(old, new, layout, progress)
        filled = await _verified(old, new, layout, progress)
        await put_facts(new, becomes)
    return filled


async def export(source: Address, target: Path, history: Path, *, progress: Progress) -> None:
    """A new file with the contents that the source has at one moment, at its own revision; others may write meanwhile.

    Raises:
        StartError: a database does not answer, or the file is not what was read.
    """
    target.touch(mode=0o600, exist_ok=False)  # noqa: ASYNC240 (nothing else waits for this loop)
    migrate.upgrade(target, history, migrate.current(source) or "head")
    async with _both(source, target) as (old, new), transaction(old, is_reading=True):
        layout = await _layout(old, new, source, target)
        layout.append(next(table for table in await contents.tables(old) if table.name == META))
        total, done = sum([await contents.count(old, table) for table in layout]), 0
        for table in layout:
            await contents.copy(old, new, table, told=_telling(progress, target.name, total, before=done))
            done += await contents.count(new, table)
        for table in layout:
            if await _digest(old, table) != await _digest(new, table):
                raise _different(table)
        await new.run("PRAGMA journal_mode=DELETE")  # one file, without a log beside it


async def is_empty(address: Address) -> bool:
    """Whether there is nothing to lose: no table, or the tables of ours without a row.

    Raises:
        StartError: it does not answer, or a migration of it was cut short.
    """
    if isinstance(address, Path) and not address.exists():
        return True
    is_ours = migrate.current(address) is not None
    try:
        async with session(address, is_reading=True) as opened:
            layout = await contents.tables(opened)
            return not layout if not is_ours else not any([await contents.count(opened, table) for table in layout])
    except DatabaseError:
        return False  # a table that is none of ours


async def put_facts(opened: Session, known: Facts) -> None:
    """In the place of all that `meta` held."""
    table = await _meta(opened)
    async with transaction(opened):
        await opened.run("DELETE FROM meta")
        await contents.insert(opened, table, list(known.items()))


async def put_fact(address: Address, name: str, value: bytes) -> None:
    """One more, or another value for it; the rest stays.

    Raises:
        StartError: the database does not answer.
    """
    known = facts.read_all(address)
    try:
        async with session(address) as opened:
            await put_facts(opened, {**known, name: value})
    except DatabaseError as error:
        raise _refused(address, error) from error


async def _meta(opened: Session) -> Table:
    return next(table for table in await contents.tables(opened) if table.name == META)


@asynccontextmanager
async def _both(source: Address, target: Address) -> AsyncIterator[tuple[Session, Session]]:
    try:
        async with session(source, is_reading=True) as old, session(target) as new:
            yield old, new
    except DatabaseError as error:
        raise _refused(f"{source} or {target}", error) from error


async def _layout(old: Session, new: Session, source: Address, target: Address) -> list[Table]:
    """The tables that both have, but for `meta`: it is written last."""
    layout = await contents.tables(old)
    if layout != await contents.tables(new):
        message = f"{target} has other tables than {source}. Name an empty database, or upgrade first: timos db upgrade."
        raise StartError(message)
    return [table for table in layout if table.name != META]


async def _copy(old: Session, new: Session, layout: list[Table], progress: Progress) -> None:
    for table in layout:
        async with transaction(old, is_reading=True):
            total = await contents.count(old, table)
            told = _telling(progress, table.name, total)
            try:
                await contents.copy(old, new, table, told=told)
            except UniqueError:  # the source was written to since an attempt was cut short
                await _copy_anew(old, new, table, told)


async def _copy_anew(old: Session, new: Session, table: Table, told: contents.Told) -> None:
    await contents.clear(new, table)
    try:
        await contents.copy(old, new, table, told=told)
    except UniqueError as error:
        message = f"A row of {table.name} is refused by the new database: two rows have one key there. Nothing of the old one was changed."
        raise StartError(message) from error


async def _verified(old: Session, new: Session, layout: list[Table], progress: Progress) -> list[Filled]:
    """At one moment of the source, which is later than the copying was: what was written meanwhile, by a server on another machine that was
    forgotten, shows here. A table that differs is copied once more.
    """
    filled = []
    async with transaction(old, is_reading=True):
        for table in layout:
            name, total = f"{table.name}, read again", 2 * await contents.count(old, table)
            wanted = await contents.digest(old, table, told=_telling(progress, name, total))
            if await contents.digest(new, table, told=_telling(progress, name, total, before=wanted.rows)) != wanted:
                await _copy_anew(old, new, table, _telling(progress, f"{table.name}, once more", wanted.rows))
                if await _digest(new, table) != wanted:
                    raise _different(table)
            filled.append(Filled(table.name, wanted.rows, wanted.sha256))
    return filled


def _telling(progress: Progress, name: str, total: int, *, before: int = 0) -> contents.Told:
    return lambda rows: progress(name, min(before + rows, total), total)


async def _digest(opened: Session, table: Table) -> Digest:
    return await contents.digest(opened, table, told=lambda _: None)


def _different(table: Table) -> StartError:
    return StartError(f"The table {table.name} is not the same on both sides after it was copied. What it was copied from was not changed.")


def _refused(where: object, error: DatabaseError) -> StartError:
    return StartError(f"{where} does not answer as it should: {error.__cause__ or error}. Mend that and run the same command again.")
