"""Platform keys, and all that is sealed or MACed with them or with a user's personal key.

- A key of the platform has one purpose, is wrapped under the master key, and never leaves this module: callers get MACs,
  signatures and sealed bytes.
- Keys are made once, when the instance is founded. Later a missing one stops the start: a fresh e-mail index would forget
  every account, a fresh pepper every password.
- Whoever can write this database but lacks the master key can plant no credential: rows that decide a login carry a MAC.
- A sealed column opens only in its table, column and row.
"""

import asyncio
from collections.abc import Mapping
from enum import StrEnum

from sqlalchemy import bindparam, delete, select

from timos.crypto.cipher import Cipher, pae
from timos.crypto.guarded import Guarded
from timos.crypto.keys import PersonalKey, Secret, Wrapped, unwrap, wrap
from timos.crypto.kms.provider import KeyProvider
from timos.crypto.mac import derive, equal, mac
from timos.crypto.signing import SigningKey, TokenRing
from timos.kernel.clock import Clock
from timos.kernel.db.port import Database, UniqueError, Value
from timos.kernel.db.statements import Statement
from timos.kernel.errors import DecryptionError, StartError
from timos.kernel.ids import Randomness
from timos.platform.rows import blob, number, text
from timos.platform.tables import platform_keys, whole_row

KEY_BYTES = 32
PERSONAL_VERSION = 1  # written before every sealed column, so that a personal key can be rotated later
VERSION_BYTES = 4


class Purpose(StrEnum):
    """What a platform key is for; the words are stored and part of the wrap's context."""

    EMAIL_INDEX = "email_index"
    CREDENTIAL_MAC = "credential_mac"
    PASSWORD_PEPPER = "password_pepper"  # noqa: S105 (a name, no password)
    REFRESH_MAC = "refresh_mac"
    CSRF = "csrf"
    ATTEMPT_INDEX = "attempt_index"
    AUDIT_MAC = "audit_mac"
    AUDIT_SIGNING = "audit_signing"
    LEDGER = "ledger"  # never rotated: old entries must open for ever
    TOKEN_SIGNING = "token_signing"  # noqa: S105


# Versions at the founding. Token signing: the newest is the next key (published, not used yet), the one before it signs.
FOUNDING = {purpose: (1, 2) if purpose is Purpose.TOKEN_SIGNING else (1,) for purpose in Purpose}

_KEYS = Statement(
    "platform_keys.all",
    select(*(platform_keys.c[name] for name in ("purpose", "version", "ref", "edk", "sealed"))).order_by(platform_keys.c.version),
)
_RING = Statement(
    "platform_keys.ring",
    select(platform_keys.c.version, platform_keys.c.created_at)
    .where(platform_keys.c.purpose == bindparam("purpose"))
    .order_by(platform_keys.c.version),
)
_RETIRE = Statement(
    "platform_keys.retire",
    delete(platform_keys).where(platform_keys.c.purpose == bindparam("ring"), platform_keys.c.version <= bindparam("last")),
)
RING_MS = 30 * 86_400_000  # a signing key is published for so long, signs for so long, and is then kept for so long to verify
RING_SIZE = 3  # previous, current, next
_KEY_INSERT = Statement("platform_keys.insert", whole_row(platform_keys))


class PlatformKeys(Guarded):
    """The unwrapped keys of this process."""

    __slots__ = ("_secrets", "audit_signing", "token_ring")

    def __init__(self, bundles: Mapping[tuple[Purpose, int], bytes]) -> None:
        newest = {purpose: bundle for (purpose, _version), bundle in sorted(bundles.items())}
        self._secrets = {purpose: Secret(bundle) for purpose, bundle in newest.items()}
        self.audit_signing = SigningKey.from_bytes(newest[Purpose.AUDIT_SIGNING])
        versions = sorted(version for purpose, version in bundles if purpose is Purpose.TOKEN_SIGNING)
        ring = [SigningKey.from_bytes(bundles[Purpose.TOKEN_SIGNING, version]) for version in versions]
        self.token_ring = TokenRing(ring[-2], [*ring[:-2], ring[-1]])

    def mac(self, purpose: Purpose, *pieces: bytes) -> bytes:
        """HMAC-SHA-256 under the key of that purpose; injective over the pieces."""
        return mac(self._secrets[purpose].reveal(), *pieces)

    def cipher(self, purpose: Purpose) -> Cipher:
        return Cipher(self._secrets[purpose].reveal())

    @classmethod
    async def load_or_create(
        cls, database: Database, provider: KeyProvider, clock: Clock, random: Randomness, *, is_new: bool
    ) -> "PlatformKeys":
        """`is_new` only while the instance is being founded: then what is missing is made.

        Raises:
            StartError: a key is missing, or does not open with this master key.
            KeyUnavailableError: the key service does not answer.
        """
        stored = await _stored(database)
        missing = [(purpose, version) for purpose, versions in FOUNDING.items() for version in versions if (purpose, version) not in stored]
        if missing and is_new:
            await _create(database, provider, clock, random, missing)
            stored = await _stored(database)
        elif missing and not _is_ring_rotated(stored, missing):
            message = f"The platform database lacks its key {missing[0][0]}. Restore a backup of the keys: timos backup restore keys."
            raise StartError(message)
        return cls(await _open(provider, stored))


async def renew_ring(database: Database, provider: KeyProvider, clock: Clock, random: Randomness) -> bool:
    """When a server starts: after 30 days the next signing key becomes the current one, and a new next one is made. Tokens live ten
    minutes, so a front end that fetched the keys at any time in between verifies every one of them.
    """
    ring = [
        (number(version), number(made_at)) for version, made_at in await database.fetch(_RING, {"purpose": Purpose.TOKEN_SIGNING.value})
    ]
    if not ring or clock.now_ms() - ring[-1][1] < RING_MS:
        return False
    newest = ring[-1][0] + 1
    try:
        await _create(database, provider, clock, random, [(Purpose.TOKEN_SIGNING, newest)])
    except StartError:  # another process that starts at the same moment did it
        return False
    async with database.transaction() as tx:
        await tx.run(_RETIRE, {"ring": Purpose.TOKEN_SIGNING.value, "last": newest - RING_SIZE})
    return True


def _is_ring_rotated(stored: Mapping[tuple[Purpose, int], Wrapped], missing: list[tuple[Purpose, int]]) -> bool:
    signing = sum(purpose is Purpose.TOKEN_SIGNING for purpose, _ in stored)
    return signing >= len(FOUNDING[Purpose.TOKEN_SIGNING]) and all(purpose is Purpose.TOKEN_SIGNING for purpose, _ in missing)


def _owner_purpose(purpose: Purpose) -> str:
    return f"platform/{purpose}"


async def _stored(database: Database) -> dict[tuple[Purpose, int], Wrapped]:
    known = set(Purpose)
    found = {}
    for purpose, version, ref, edk, sealed in await database.fetch(_KEYS, {}):
        if purpose in known:
            wrapped = Wrapped(version=number(version), mode=0, ref=text(ref), edk=blob(edk), sealed=blob(sealed))
            found[Purpose(text(purpose)), wrapped.version] = wrapped
    return found


async def _create(database: Database, provider: KeyProvider, clock: Clock, random: Randomness, wanted: list[tuple[Purpose, int]]) -> None:
    rows: list[dict[str, Value]] = []
    for purpose, version in wanted:
        wrapped = await wrap(provider, _fresh(purpose, random), purpose=_owner_purpose(purpose), owner=b"", version=version, random=random)
        rows.append(
            {
                "purpose": purpose.value,
                "version": version,
                "ref": wrapped.ref,
                "edk": wrapped.edk,
                "sealed": wrapped.sealed,
                "created_at": clock.now_ms(),
            }
        )
    try:
        async with database.transaction() as tx:
            for row in rows:
                await tx.run(_KEY_INSERT, row)
    except UniqueError as error:
        message = "Another process is founding this instance at the same time. Start again."
        raise StartError(message) from error


def _fresh(purpose: Purpose, random: Randomness) -> bytes:
    if purpose in {Purpose.TOKEN_SIGNING, Purpose.AUDIT_SIGNING}:
        return SigningKey.new(random).to_bytes()
    return random(KEY_BYTES)


async def _open(provider: KeyProvider, stored: Mapping[tuple[Purpose, int], Wrapped]) -> dict[tuple[Purpose, int], bytes]:
    opening = (unwrap(provider, wrapped, purpose=_owner_purpose(purpose), owner=b"") for (purpose, _), wrapped in stored.items())
    try:
        bundles = await asyncio.gather(*opening)
    except DecryptionError as error:
        message = (
            "The master key does not open this platform database: it is another one's, or the database was changed. Check TIMOS_MASTER_KEY."
        )
        raise StartError(message) from error
    return dict(zip(stored, bundles, strict=True))


def _piece(value: Value) -> bytes:
    """The kind is part of it: the number 1 and the text "1" must not have one MAC."""
    match value:
        case bytes():
            return b"b" + value
        case int():
            return b"i" + value.to_bytes(8, "big", signed=True)
        case str():
            return b"s" + value.encode()
        case None:
            return b"n"


class Columns:
    """Seals and opens the personal columns of one user."""

    __slots__ = ("_key", "_user_id")

    def __init__(self, user_id: bytes, key: PersonalKey) -> None:
        self._user_id = user_id
        self._key = key

    def seal(self, table: str, column: str, value: str, *clear: Value) -> bytes:
        """`clear` are the row's clear columns that this one must not be parted from, in a fixed order."""
        header = PERSONAL_VERSION.to_bytes(VERSION_BYTES, "big")
        return header + self._key.seal(value.encode(), self._context(header, table, column, clear))

    def open(self, table: str, column: str, sealed: bytes, *clear: Value) -> str:
        """Raises:
        DecryptionError: another user's, table's, column's or row's, or changed.
        """
        header, body = sealed[:VERSION_BYTES], sealed[VERSION_BYTES:]
        if header != PERSONAL_VERSION.to_bytes(VERSION_BYTES, "big"):
            raise DecryptionError
        return self._key.open(body, self._context(header, table, column, clear)).decode()

    def _context(self, header: bytes, table: str, column: str, clear: tuple[Value, ...]) -> bytes:
        return pae(b"timos.platform/1", table.encode(), column.encode(), header, self._user_id, *map(_piece, clear))


class Sealer:
    """MACs of rows, the index of addresses, and what is sealed under platform keys."""

    __slots__ = ("_keys",)

    def __init__(self, keys: PlatformKeys) -> None:
        self._keys = keys

    @staticmethod
    def of(user_id: bytes, key: PersonalKey) -> Columns:
        return Columns(user_id, key)

    def address_index(self, canonical: str) -> bytes:
        return self._keys.mac(Purpose.EMAIL_INDEX, canonical.encode())

    def mac(self, table: str, *columns: Value) -> bytes:
        """Over the columns of a row that decide a login; `table` names the row's kind."""
        return self._keys.mac(Purpose.CREDENTIAL_MAC, table.encode(), *map(_piece, columns))

    def check(self, stored: Value, table: str, *columns: Value) -> None:
        """Raises:
        DecryptionError: the row was planted or edited.
        """
        if not isinstance(stored, bytes) or not equal(stored, self.mac(table, *columns)):
            raise DecryptionError

    @staticmethod
    def seal_successor(predecessor: bytes, session_id: bytes, token: bytes) -> bytes:
        """Opens only with the predecessor's secret, which the server keeps no copy of."""
        return _successor_cipher(predecessor).seal(token, pae(b"timos.platform/1", b"auth_sessions", b"successor", session_id))

    @staticmethod
    def open_successor(predecessor: bytes, session_id: bytes, sealed: bytes) -> bytes:
        return _successor_cipher(predecessor).open(sealed, pae(b"timos.platform/1", b"auth_sessions", b"successor", session_id))

    def seal_ledger(self, place: bytes, value: bytes) -> bytes:
        return self._keys.cipher(Purpose.LEDGER).seal(value, pae(b"timos.ledger/1", place))

    def open_ledger(self, place: bytes, sealed: bytes) -> bytes:
        return self._keys.cipher(Purpose.LEDGER).open(sealed, pae(b"timos.ledger/1", place))


def _successor_cipher(predecessor: bytes) -> Cipher:
    return Cipher(derive(predecessor, b"timos/1/successor"))
