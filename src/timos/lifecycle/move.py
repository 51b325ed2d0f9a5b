"""Moving one of the two databases to another engine or place; the old one stays as it is, and no longer belongs to the pair.

Each database knows how often either half was moved. Steps, each safe to stop after:
1. The new one is filled, and its count is one more than the old one's: it does not belong to the other half yet.
2. The other half's count is raised: from here on it belongs to the new one, and a start on the old one is refused.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from timos.kernel.clock import Clock
from timos.kernel.db import contents, facts, migrate
from timos.kernel.db.address import Address
from timos.kernel.db.session import session
from timos.kernel.errors import DatabaseError, StartError
from timos.kernel.ids import Randomness
from timos.lifecycle import filling
from timos.lifecycle.filling import Filled, Progress
from timos.lifecycle.founding import claiming, founding, pair, upgrading
from timos.lifecycle.founding.places import Places

Half = Literal["platform", "vault"]


@dataclass(frozen=True, slots=True)
class Moved:
    """`is_begun`: an attempt that was cut short had been there before. `tables` without digests in a dry run."""

    half: Half
    source: Address
    target: Address
    is_begun: bool
    tables: list[Filled]

    @property
    def rows(self) -> int:
        return sum(table.rows for table in self.tables)


async def move(
    places: Places, half: Half, target: Address, *, clock: Clock, random: Randomness, progress: Progress, dry_run: bool = False
) -> Moved:
    """The server must be stopped, on every machine.

    Raises:
        StartError: one is running; the target is neither empty nor an unfinished move of the same database; or it went wrong, and the old
            one is still the one in use.
    """
    claim = claiming.claim(places, may_create=False)
    try:
        founded = await founding.found(places, clock=clock, random=random, is_server=False)
        source, other, history = _halves(places, half)
        known = facts.read_all(source)
        becomes = {**known, pair.moves_name(half): b"%d" % (pair.moves(known, half) + 1)}
        mark = f"move {half} {founded.install_id.hex()} {pair.moves(becomes, half)}".encode()
        is_begun = await _is_begun(source, target, mark, becomes)
        if dry_run:
            return Moved(half, source, target, is_begun, await _counted(source))
        if isinstance(target, Path):
            target.touch(mode=0o600)
        migrate.upgrade(target, history)
        tables = await filling.fill(source, target, mark, goes_on=is_begun, becomes=becomes, progress=progress)
        await filling.put_fact(other, pair.moves_name(half), becomes[pair.moves_name(half)])
    finally:
        claim.close()
    return Moved(half, source, target, is_begun, tables)


def _halves(places: Places, half: Half) -> tuple[Address, Address, Path]:
    """The one that moves, the one that stays, the history of the first."""
    platform, vault = upgrading.histories(places)
    mine, other = (platform, vault) if half == "platform" else (vault, platform)
    return mine[1], other[1], mine[2]


async def _is_begun(source: Address, target: Address, mark: bytes, becomes: dict[str, bytes]) -> bool:
    if str(source) == str(target):
        message = f"{target} is where it is already. Nothing was changed."
        raise StartError(message)
    if await filling.is_empty(target):
        return False
    if migrate.current(target) is not None and facts.read_all(target) in ({filling.FILLING: mark}, becomes):
        return True
    message = f"{target} is not empty, and no unfinished move of {source}. Name an empty database. Nothing was changed."
    raise StartError(message)


async def _counted(source: Address) -> list[Filled]:
    try:
        async with session(source, is_reading=True) as opened:
            return [Filled(table.name, await contents.count(opened, table), "") for table in await contents.tables(opened)]
    except DatabaseError as error:
        message = f"{source} does not answer as it should: {error.__cause__ or error}."
        raise StartError(message) from error
