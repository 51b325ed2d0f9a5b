"""From files on a disk to a pair of databases that belong together, under the key that opens them.

Invariants:
- An empty database is made only where neither database and no key ever was, or where a founding was cut short.
- The key is made first and never overwritten; nothing can be stored before the founding is complete.
- A pair that does not belong together, a missing half, a missing or foreign key: the start is refused, nothing is changed.
- A pair of which one half was moved away since, or is still being filled, is refused like one that does not belong together.
- A migration of a file works on one of which a copy was made; the copies go at the next clean start. Of a database on a server the
  operator makes them, and nothing is ever dropped from one here.
"""

import fcntl
import os
import sqlite3
import time
from contextlib import closing
from dataclasses import dataclass, replace
from hashlib import sha256
from pathlib import Path
from typing import IO, Literal

from timos.crypto.kms.local import LocalKeys
from timos.kernel.clock import Clock
from timos.kernel.db import facts, migrate
from timos.kernel.db.address import Address
from timos.kernel.errors import DecryptionError, KeyUnavailableError, StartError
from timos.kernel.ids import ID_BYTES, Randomness
from timos.lifecycle.filling import FILLING

_SOURCE = Path(__file__).resolve().parent.parent
PLATFORM_HISTORY = _SOURCE / "platform" / "migrations"
VAULT_HISTORY = _SOURCE / "vault" / "migrations"
COPY_SUFFIX = ".before-migration"
SHARE_SECONDS = 30.0
_CANARY = b"timos.canary/1"


@dataclass(frozen=True, slots=True)
class Places:
    """Where an instance lives. `ledger` is the third copy of the erasure ledger, outside both databases."""

    data_dir: Path
    platform_at: Address
    vault_at: Address
    key: Path
    ledger: Path

    @property
    def platform(self) -> Path:
        """Raises:
        StartError: it is on a server.
        """
        return _file(self.platform_at)

    @property
    def vault(self) -> Path:
        """Raises as `platform`."""
        return _file(self.vault_at)

    @property
    def files(self) -> tuple[Path, ...]:
        """Of the embedded databases; empty when both are on servers."""
        return tuple(at for at in (self.platform_at, self.vault_at) if isinstance(at, Path))

    @property
    def address(self) -> Path:
        return self.data_dir / "serve.url"

    @property
    def marker(self) -> Path:
        return self.data_dir / "founding"

    @property
    def swapping(self) -> Path:
        return self.data_dir / "restoring"


@dataclass(frozen=True, slots=True)
class Founded:
    """`is_new` is true for the start that made everything; `migrated` names the databases that were brought up to date."""

    keys: LocalKeys
    install_id: bytes
    is_new: bool
    migrated: tuple[str, ...]


def claim(places: Places, *, may_create: bool = True) -> IO[str]:
    """The data folder for this process alone, until the returned file is closed or `share`d.

    Raises:
        StartError: another server uses it, or the folder cannot be written; or there is none, and it may not be created.
    """
    if not may_create and not places.data_dir.is_dir():
        message = f"There is no TimOS in {places.data_dir} yet. Start the server once: timos serve."
        raise StartError(message)
    try:
        places.data_dir.mkdir(parents=True, exist_ok=True, mode=0o700)
        handle = (places.data_dir / "serve.lock").open("w", encoding="ascii")
    except OSError as error:
        message = f"The data folder {places.data_dir} cannot be written: {error.strerror}. Mend its permissions or set TIMOS_DATA_DIR."
        raise StartError(message) from error
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        handle.close()
        message = f"Another TimOS server is using {places.data_dir}. Stop it first, or choose another folder with TIMOS_DATA_DIR."
        raise StartError(message) from error
    return handle


def claim_or_share(places: Places) -> IO[str]:
    """For serving: alone where a database is a file, which has one writer; otherwise beside other servers that are open already.

    Raises:
        StartError: see `claim`.
    """
    until = time.monotonic() + SHARE_SECONDS
    while True:
        try:
            return claim(places)
        except StartError:
            handle = _join(places)
            if handle is not None:
                return handle
            if places.files or time.monotonic() > until:
                raise
            time.sleep(0.1)  # one that just starts, or a change of keys


def share(handle: IO[str], places: Places) -> None:
    """From here on other processes may serve the same pair; what needs it alone still waits for all of them."""
    if not places.files:
        fcntl.flock(handle, fcntl.LOCK_SH)


def _join(places: Places) -> IO[str] | None:
    if places.files or not places.data_dir.is_dir():
        return None
    handle = (places.data_dir / "serve.lock").open("a", encoding="ascii")
    try:
        fcntl.flock(handle, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except OSError:
        handle.close()
        return None
    return handle


def note_address(places: Places, url: str) -> None:
    """So that other commands print links to the server as it really runs, also with `--port`."""
    places.address.write_text(url + "\n", encoding="utf-8")


def address(places: Places) -> str | None:
    """Of the server that ran last."""
    try:
        return places.address.read_text(encoding="utf-8").strip()
    except FileNotFoundError:
        return None


async def found(places: Places, *, clock: Clock, random: Randomness, is_server: bool) -> Founded:
    """Make the instance if there never was one, otherwise check it and bring it up to date; the last two only as `is_server`,
    which holds the claim on the folder.

    Raises:
        StartError: says what is missing or foreign, and what to do.
    """
    if places.swapping.exists():
        message = f"A restore was cut short. Run it again: timos backup restore (the mark is {places.swapping})."
        raise StartError(message)
    present = (migrate.exists(places.platform_at), migrate.exists(places.vault_at), places.key.exists())
    if places.marker.exists() or present == (False, False, False):
        if not is_server:
            message = f"There is no TimOS in {places.data_dir} yet. Start the server once: timos serve."
            raise StartError(message)
        return await _create(places, clock=clock, random=random)
    opened = await open_pair(places)
    return replace(opened, migrated=_migrate(places, is_server=is_server))


async def open_pair(places: Places) -> Founded:
    """Check that both databases and the key are there and belong together; changes nothing.

    Raises:
        StartError: one is missing or foreign.
    """
    _refuse_missing(places, migrate.exists(places.platform_at), migrate.exists(places.vault_at), places.key.exists())
    keys = LocalKeys.load(places.key)
    return Founded(keys, await _belongs_together(places, keys), is_new=False, migrated=())


def finish(places: Places) -> None:
    """The founding is complete: from now on a missing part is a loss and no longer a beginning."""
    if places.marker.exists():
        sync_folder(places.data_dir)
        places.marker.unlink()
        sync_folder(places.data_dir)


async def _create(places: Places, *, clock: Clock, random: Randomness) -> Founded:
    places.marker.touch(mode=0o600)
    for leftover in places.files:
        leftover.unlink(missing_ok=True)  # of a founding that was cut short: the marker says that nobody could use it
    if places.key.exists() and not places.key.stat().st_size:
        places.key.unlink()  # the name that the same founding had taken for its key; an empty file holds none
    keys = LocalKeys.load(places.key) if places.key.exists() else LocalKeys.create(places.key, clock)
    for _, address, history in histories(places):
        if isinstance(address, Path):
            address.touch(mode=0o600, exist_ok=False)
        migrate.upgrade(address, history)
    begun = [(address, facts.read_all(address)) for _, address, _ in histories(places)]
    install_id = await _begun(begun, keys) or random(ID_BYTES)
    ref, edk = await keys.encrypt(_canary(install_id))
    for address, known in begun:
        if not known:
            facts.write_all(address, {"install_id": install_id, "canary_ref": ref.encode(), "canary": edk})
    return Founded(keys, install_id, is_new=True, migrated=())


async def _begun(databases: list[tuple[Address, dict[str, bytes]]], keys: LocalKeys) -> bytes | None:
    """The install id that a founding which was cut short left on a server.

    Raises:
        StartError: it is somebody else's.
    """
    ids = set()
    for address, known in databases:
        if known and not await _opens(keys, known, known.get("install_id", b"")):
            message = f"{address} belongs to another installation of TimOS. Name an empty database. Nothing was changed."
            raise StartError(message)
        ids |= {known["install_id"]} if known else set()
    if len(ids) > 1:
        message = "The two databases do not belong together: they come from two installations. Nothing was changed."
        raise StartError(message)
    return ids.pop() if ids else None


def _refuse_missing(places: Places, has_platform: bool, has_vault: bool, has_key: bool) -> None:  # noqa: FBT001 (three answers of one question)
    if has_platform and has_vault and has_key:
        return
    if not has_key:
        message = (
            f"The master key {places.key} is missing. Without it nothing in {places.data_dir} opens. Put your copy of it back, "
            "or set TIMOS_MASTER_KEY to where it is. Nothing was changed."
        )
    elif not has_platform and not has_vault:
        message = (
            f"There is a master key ({places.key}) but no database in {places.data_dir}. Is a disk not mounted? Set TIMOS_DATA_DIR, or "
            "restore a backup (timos backup restore). To begin anew, move the key away first. Nothing was created."
        )
    else:
        lost = places.vault_at if has_platform else places.platform_at
        message = f"{lost} is missing while its other half is there. Restore it from a backup (timos backup restore). Nothing was created."
    raise StartError(message)


async def _belongs_together(places: Places, keys: LocalKeys) -> bytes:
    platform, vault = facts.read_all(places.platform_at), facts.read_all(places.vault_at)
    for address, known in ((places.platform_at, platform), (places.vault_at, vault)):
        if FILLING in known:
            message = (
                f"{address} is not complete: a move or a restore into it was cut short. Run the same command again. Nothing was changed."
            )
            raise StartError(message)
    if not platform.get("install_id") or platform.get("install_id") != vault.get("install_id"):
        message = (
            f"{places.platform_at} and {places.vault_at} do not belong together: they come from two installations. Nothing was changed."
        )
        raise StartError(message)
    for address, known in ((places.platform_at, platform), (places.vault_at, vault)):
        if not await _opens(keys, known, platform["install_id"]):
            message = (
                f"The master key {places.key} is not the one that {address} was made with. Put the right key back. Nothing was changed."
            )
            raise StartError(message)
    _refuse_moved(places, platform, vault)
    return platform["install_id"]


def moves_name(half: Literal["platform", "vault"]) -> str:
    """Of the fact that counts how often that half was moved; both databases hold it."""
    return f"{half}_moves"


def moves(known: dict[str, bytes], half: Literal["platform", "vault"]) -> int:
    """How often, as this database knows."""
    return int(known.get(moves_name(half), b"0"))


def _refuse_moved(places: Places, platform: dict[str, bytes], vault: dict[str, bytes]) -> None:
    halves: tuple[tuple[Literal["platform", "vault"], Address, dict[str, bytes], dict[str, bytes]], ...]
    halves = ("platform", places.platform_at, platform, vault), ("vault", places.vault_at, vault, platform)
    for half, address, own, other in halves:
        name = f"TIMOS_{half.upper()}_URL"
        if moves(own, half) < moves(other, half):
            message = (
                f"{address} is what the {half} database was before it was moved; what was written since is not in it. Set {name} to where "
                "it was moved to. Nothing was changed."
            )
            raise StartError(message)
        if moves(own, half) > moves(other, half):
            message = (
                f"The move of the {half} database to {address} was cut short just before its end. Set {name} to where it was before and "
                f"run timos db move {half} again. Nothing was changed."
            )
            raise StartError(message)


async def _opens(keys: LocalKeys, known: dict[str, bytes], install_id: bytes) -> bool:
    try:
        return await keys.decrypt(known["canary_ref"].decode(), known["canary"]) == _canary(install_id)
    except (DecryptionError, KeyUnavailableError, KeyError, UnicodeDecodeError):
        return False


def histories(places: Places) -> tuple[tuple[str, Address, Path], ...]:
    """Name, address and Alembic history of each database."""
    return ("platform", places.platform_at, PLATFORM_HISTORY), ("vault", places.vault_at, VAULT_HISTORY)


def pending(places: Places) -> tuple[str, ...]:
    """Names of the databases that are older than this program.

    Raises:
        StartError: one is newer.
    """
    return tuple(name for name, address, history in histories(places) if migrate.is_pending(address, history))


def upgrade(places: Places) -> tuple[str, ...]:
    """Migrate what is pending, each file with a copy made before; hold the claim. Without anything pending, older copies go."""
    names = pending(places)
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
    return names


def _migrate(places: Places, *, is_server: bool) -> tuple[str, ...]:
    if is_server:
        return upgrade(places)
    if pending(places):
        message = "The databases come from an older version of TimOS. Start the server once, or run `timos db upgrade`."
        raise StartError(message)
    return ()


def _copy(path: Path) -> None:
    """A consistent copy beside the database, made with SQLite's own backup."""
    copy = path.with_name(path.name + COPY_SUFFIX)
    copy.unlink(missing_ok=True)
    copy.touch(mode=0o600)
    with closing(sqlite3.connect(path)) as source, closing(sqlite3.connect(copy)) as target:
        source.backup(target)


def _file(address: Address) -> Path:
    if isinstance(address, Path):
        return address
    message = f"{address} is on a server, and no file."
    raise StartError(message)


def _canary(install_id: bytes) -> bytes:
    return sha256(_CANARY + install_id).digest()


def sync_folder(folder: Path) -> None:
    """What was made, renamed or removed in it is on the disk."""
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
