"""Making an instance where there never was one, and opening the one that there is."""

from dataclasses import replace
from pathlib import Path

from timos.crypto.kms.local import LocalKeys
from timos.kernel.clock import Clock
from timos.kernel.db import facts, migrate
from timos.kernel.db.address import Address
from timos.kernel.db.facts import Look
from timos.kernel.errors import StartError
from timos.kernel.ids import ID_BYTES, Randomness
from timos.lifecycle.founding.pair import Founded, canary, look, opened, opens, whole
from timos.lifecycle.founding.places import Places, sync_folder
from timos.lifecycle.founding.upgrading import histories, upgrade


async def found(places: Places, *, clock: Clock, random: Randomness, is_server: bool) -> Founded:
    """Make the instance if there never was one, otherwise check it and bring it up to date; the last two only as `is_server`,
    which holds the claim on the folder.

    Raises:
        StartError: says what is missing or foreign, and what to do.
    """
    if places.swapping.exists():
        message = f"A restore was cut short. Run it again: timos backup restore (the mark is {places.swapping})."
        raise StartError(message)
    seen = None if places.marker.exists() else look(places)  # what was cut short cannot be read yet
    if seen is None or (seen == (None, None) and not places.key.exists()):
        if not is_server:
            message = f"There is no TimOS in {places.data_dir} yet. Start the server once: timos serve."
            raise StartError(message)
        return await _create(places, clock=clock, random=random)
    pair = whole(places, seen)
    founded = await opened(places, pair)
    return replace(founded, migrated=_migrate(places, pair, is_server=is_server))


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
    ref, edk = await keys.encrypt(canary(install_id))
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
        if known and not await opens(keys, known, known.get("install_id", b"")):
            message = f"{address} belongs to another installation of TimOS. Name an empty database. Nothing was changed."
            raise StartError(message)
        ids |= {known["install_id"]} if known else set()
    if len(ids) > 1:
        message = "The two databases do not belong together: they come from two installations. Nothing was changed."
        raise StartError(message)
    return ids.pop() if ids else None


def _migrate(places: Places, pair: tuple[Look, Look], *, is_server: bool) -> tuple[str, ...]:
    halves = zip(histories(places), pair, strict=True)
    names = tuple(name for (name, address, history), half in halves if migrate.is_behind(address, half.revision, history))
    if is_server:
        upgrade(places, names)
        return names
    if names:
        message = "The databases come from an older version of TimOS. Start the server once, or run `timos db upgrade`."
        raise StartError(message)
    return ()
