"""Bringing databases up to date; of a file with a copy made before."""

import sqlite3
from contextlib import closing
from pathlib import Path

from timos.kernel.db import migrate
from timos.kernel.db.address import Address
from timos.lifecycle.founding.places import Places

_SOURCE = Path(__file__).resolve().parents[2]
PLATFORM_HISTORY = _SOURCE / "platform" / "migrations"
VAULT_HISTORY = _SOURCE / "vault" / "migrations"
COPY_SUFFIX = ".before-migration"


def histories(places: Places) -> tuple[tuple[str, Address, Path], ...]:
    """Name, address and Alembic history of each database."""
    return ("platform", places.platform_at, PLATFORM_HISTORY), ("vault", places.vault_at, VAULT_HISTORY)


def pending(places: Places) -> tuple[str, ...]:
    """Names of the databases that are older than this program.

    Raises:
        StartError: one is newer.
    """
    return tuple(name for name, address, history in histories(places) if migrate.is_pending(address, history))


def upgrade(places: Places, names: tuple[str, ...]) -> None:
    """Migrate what is `pending`, each file with a copy made before; hold the claim. Without anything pending, older copies go."""
    for name, address, _ in histories(places):
        if not isinstance(address, Path):
            continue
        if name in names:
            _copy(address)
        elif not names:
            address.with_name(address.name + COPY_SUFFIX).unlink(missing_ok=True)
    for name, address, history in histories(places):
        if name in names:
            migrate.upgrade(address, history)


def _copy(path: Path) -> None:
    """A consistent copy beside the database, made with SQLite's own backup."""
    copy = path.with_name(path.name + COPY_SUFFIX)
    copy.unlink(missing_ok=True)
    copy.touch(mode=0o600)
    with closing(sqlite3.connect(path)) as source, closing(sqlite3.connect(copy)) as target:
        source.backup(target)
