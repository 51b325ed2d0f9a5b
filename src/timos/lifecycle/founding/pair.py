"""Two databases and a key that belong together; anything else is refused, and nothing is changed."""

from dataclasses import dataclass
from hashlib import sha256
from typing import Literal

from timos.crypto.kms.local import LocalKeys
from timos.kernel.db import facts
from timos.kernel.db.address import Address
from timos.kernel.db.facts import Look
from timos.kernel.errors import DecryptionError, KeyUnavailableError, StartError
from timos.lifecycle.filling import FILLING
from timos.lifecycle.founding.places import Places

_CANARY = b"timos.canary/1"


@dataclass(frozen=True, slots=True)
class Founded:
    """`is_new` is true for the start that made everything; `migrated` names the databases that were brought up to date."""

    keys: LocalKeys
    install_id: bytes
    is_new: bool
    migrated: tuple[str, ...]


async def open_pair(places: Places) -> Founded:
    """Check that both databases and the key are there and belong together; changes nothing.

    Raises:
        StartError: one is missing or foreign.
    """
    return await opened(places, whole(places, look(places)))


def look(places: Places) -> tuple[Look | None, Look | None]:
    """What there is of the platform and of the vault."""
    return facts.look(places.platform_at), facts.look(places.vault_at)


async def opened(places: Places, pair: tuple[Look, Look]) -> Founded:
    """The pair that was seen, with its key.

    Raises:
        StartError: they do not belong together.
    """
    keys = LocalKeys.load(places.key)
    return Founded(keys, await _belongs_together(places, keys, pair), is_new=False, migrated=())


def whole(places: Places, seen: tuple[Look | None, Look | None]) -> tuple[Look, Look]:
    """Raises:
    StartError: a half or the key is missing.
    """
    platform, vault = seen
    has_key = places.key.exists()
    if platform and vault and has_key:
        return platform, vault
    if not has_key:
        message = (
            f"The master key {places.key} is missing. Without it nothing in {places.data_dir} opens. Put your copy of it back, "
            "or set TIMOS_MASTER_KEY to where it is. Nothing was changed."
        )
    elif not platform and not vault:
        message = (
            f"There is a master key ({places.key}) but no database in {places.data_dir}. Is a disk not mounted? Set TIMOS_DATA_DIR, or "
            "restore a backup (timos backup restore). To begin anew, move the key away first. Nothing was created."
        )
    else:
        lost = places.vault_at if platform else places.platform_at
        message = f"{lost} is missing while its other half is there. Restore it from a backup (timos backup restore). Nothing was created."
    raise StartError(message)


async def _belongs_together(places: Places, keys: LocalKeys, pair: tuple[Look, Look]) -> bytes:
    platform, vault = (half.known for half in pair)
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
        if not await opens(keys, known, platform["install_id"]):
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


async def opens(keys: LocalKeys, known: dict[str, bytes], install_id: bytes) -> bool:
    """Whether the key is the one that a database with these facts was made with."""
    try:
        return await keys.decrypt(known["canary_ref"].decode(), known["canary"]) == canary(install_id)
    except (DecryptionError, KeyUnavailableError, KeyError, UnicodeDecodeError):
        return False


def canary(install_id: bytes) -> bytes:
    """What the key seals in each database, to be known by."""
    return sha256(_CANARY + install_id).digest()
