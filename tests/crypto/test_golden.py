"""What was stored once opens for ever: ciphertexts of each format, made once, in `tests/vectors`.

A red test here means that stored data or issued tokens would not open any more. The remedy is a new format beside the old
one, with a file of its own, and never a new file in place of an old one.
"""

import asyncio
import json
from collections.abc import Mapping
from datetime import date, timedelta
from hashlib import sha256
from pathlib import Path
from typing import TypeVar

import msgspec
import pytest

from timos.crypto.cipher import pae
from timos.crypto.index import BlindIndex
from timos.crypto.keys import PersonalKey, Wrapped, unwrap, vault_keys
from timos.crypto.kms.local import LocalKeys
from timos.crypto.mac import derive, mac
from timos.crypto.passwords import verify_password
from timos.crypto.signing import SigningKey, TokenRing
from timos.kernel.errors import DecryptionError, UnauthenticatedError

FOLDER = Path(__file__).parent.parent / "vectors"
FROZEN = {"index", "keyfile", "mac", "password", "personal", "record", "token", "wrapped_key"}
Shape = TypeVar("Shape", bound=msgspec.Struct)


class Hex(str):
    """Bytes, as they are written in the files."""

    __slots__ = ()

    @property
    def raw(self) -> bytes:
        return bytes.fromhex(self)


class Case(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    name: str


def read(name: str, shape: type[Shape]) -> Shape:
    content = (FOLDER / f"{name}.json").read_bytes()
    return msgspec.json.decode(content, type=shape, dec_hook=lambda kind, value: kind(value))


def name(case: Case) -> str:
    return case.name


# ── records ─────────────────────────────────────────────────────────────────────────────────────────────────────────


class Record(Case, frozen=True):
    version: int
    text_sha256: str
    sealed: Hex
    text: Hex | None = None


class ForgedRecord(Case, frozen=True):
    place: list[Hex]
    sealed: Hex


class Records(msgspec.Struct, frozen=True):
    bundles: dict[int, Hex]
    place: list[Hex]
    good: list[Record]
    bad: list[ForgedRecord]


RECORDS = read("record", Records)
VAULT = vault_keys({version: bundle.raw for version, bundle in RECORDS.bundles.items()})


def place(pieces: list[Hex]) -> bytes:
    return pae(*(piece.raw for piece in pieces))


@pytest.mark.parametrize("case", RECORDS.good, ids=name)
def test_a_stored_record_opens(case: Record) -> None:
    opened = VAULT.cipher.open(case.sealed.raw, place(RECORDS.place))
    assert sha256(opened).hexdigest() == case.text_sha256
    assert case.text is None or opened == case.text.raw
    assert case.sealed.raw[:5] == b"\x01" + case.version.to_bytes(4, "big")


@pytest.mark.parametrize("case", RECORDS.good, ids=name)
def test_a_record_sealed_today_is_as_long_as_the_stored_one(case: Record) -> None:
    opened = VAULT.cipher.open(case.sealed.raw, place(RECORDS.place))
    assert len(VAULT.cipher.seal(opened, place(RECORDS.place))) == len(case.sealed.raw)


@pytest.mark.parametrize("case", RECORDS.bad, ids=name)
def test_a_forged_record_is_refused(case: ForgedRecord) -> None:
    with pytest.raises(DecryptionError):
        VAULT.cipher.open(case.sealed.raw, place(case.place))


# ── keys ────────────────────────────────────────────────────────────────────────────────────────────────────────────


class WrappedKey(Case, frozen=True):
    purpose: str
    owner: Hex
    version: int
    mode: int
    ref: str
    edk: Hex
    sealed: Hex
    bundle: Hex = Hex()

    def unwrap(self, master_keys: Mapping[str, Hex]) -> bytes:
        provider = LocalKeys({ref: key.raw for ref, key in master_keys.items()}, next(iter(master_keys)))
        wrapped = Wrapped(self.version, self.mode, self.ref, self.edk.raw, self.sealed.raw)
        return asyncio.run(unwrap(provider, wrapped, purpose=self.purpose, owner=self.owner.raw))


class WrappedKeys(msgspec.Struct, frozen=True):
    master_keys: dict[str, Hex]
    good: list[WrappedKey]
    bad: list[WrappedKey]


WRAPPED = read("wrapped_key", WrappedKeys)


@pytest.mark.parametrize("case", WRAPPED.good, ids=name)
def test_a_stored_key_can_be_unwrapped(case: WrappedKey) -> None:
    assert case.unwrap(WRAPPED.master_keys) == case.bundle.raw


@pytest.mark.parametrize("case", WRAPPED.bad, ids=name)
def test_a_forged_key_is_refused(case: WrappedKey) -> None:
    with pytest.raises(DecryptionError):
        case.unwrap(WRAPPED.master_keys)


class Encrypted(Case, frozen=True):
    ref: str
    edk: Hex
    key: Hex = Hex()


class Keyfile(msgspec.Struct, frozen=True):
    file: str
    primary: str
    refs: list[str]
    good: list[Encrypted]
    bad: list[Encrypted]


KEYFILE = read("keyfile", Keyfile)


@pytest.fixture
def keys(tmp_path: Path) -> LocalKeys:
    path = tmp_path / "master.json"
    path.write_text(KEYFILE.file, encoding="ascii")
    path.chmod(0o600)
    return LocalKeys.load(path)


@pytest.mark.parametrize("case", KEYFILE.good, ids=name)
def test_a_keyfile_kept_elsewhere_still_opens(case: Encrypted, keys: LocalKeys) -> None:
    assert (keys.primary, [*keys.refs]) == (KEYFILE.primary, KEYFILE.refs)
    assert asyncio.run(keys.decrypt(case.ref, case.edk.raw)) == case.key.raw


@pytest.mark.parametrize("case", KEYFILE.bad, ids=name)
def test_what_the_keyfile_did_not_encrypt_is_refused(case: Encrypted, keys: LocalKeys) -> None:
    with pytest.raises(DecryptionError):
        asyncio.run(keys.decrypt(case.ref, case.edk.raw))


class Personal(Case, frozen=True):
    context: Hex
    sealed: Hex
    value: Hex = Hex()


class Personals(msgspec.Struct, frozen=True):
    key: Hex
    good: list[Personal]
    bad: list[Personal]


PERSONAL = read("personal", Personals)


@pytest.mark.parametrize("case", PERSONAL.good, ids=name)
def test_a_stored_personal_value_opens(case: Personal) -> None:
    assert PersonalKey(PERSONAL.key.raw).open(case.sealed.raw, case.context.raw) == case.value.raw


@pytest.mark.parametrize("case", PERSONAL.bad, ids=name)
def test_a_forged_personal_value_is_refused(case: Personal) -> None:
    with pytest.raises(DecryptionError):
        PersonalKey(PERSONAL.key.raw).open(case.sealed.raw, case.context.raw)


# ── tokens of the blind index ───────────────────────────────────────────────────────────────────────────────────────


class Raw(msgspec.Struct, frozen=True):
    bytes: Hex


class IndexToken(msgspec.Struct, frozen=True):
    table: str
    field: str
    values: list[str | int | Raw]
    token: Hex


class Days(msgspec.Struct, frozen=True):
    table: str
    field: str
    first: date
    last: date
    tokens: list[Hex]


class IndexTokens(msgspec.Struct, frozen=True):
    key: Hex
    tokens: list[IndexToken]
    days: Days


INDEX = read("index", IndexTokens)


@pytest.mark.parametrize("case", INDEX.tokens, ids=lambda case: f"{case.table} {case.field} {case.values}")
def test_a_token_is_found_again(case: IndexToken) -> None:
    values = [value.bytes.raw if isinstance(value, Raw) else value for value in case.values]
    assert BlindIndex(INDEX.key.raw).token(case.table, case.field, *values) == case.token.raw


def test_the_tokens_of_days_are_found_again() -> None:
    days = INDEX.days
    length = (days.last - days.first).days + 1
    found = BlindIndex(INDEX.key.raw).days(days.table, days.field, [str(days.first + timedelta(n)) for n in range(length)])
    assert [*found] == [token.raw for token in days.tokens]


# ── checksums, passwords, access tokens ─────────────────────────────────────────────────────────────────────────────


class Encoded(msgspec.Struct, frozen=True):
    pieces: list[Hex]
    encoded: Hex


class Checksum(msgspec.Struct, frozen=True):
    key: Hex
    pieces: list[Hex]
    mac: Hex


class Derived(msgspec.Struct, frozen=True):
    key: Hex
    info: str
    length: int
    derived: Hex


class Checksums(msgspec.Struct, frozen=True):
    pae: list[Encoded]
    mac: list[Checksum]
    derive: list[Derived]


def test_encodings_checksums_and_derived_keys_do_not_change() -> None:
    stored = read("mac", Checksums)
    assert [pae(*(piece.raw for piece in case.pieces)) for case in stored.pae] == [case.encoded.raw for case in stored.pae]
    assert [mac(case.key.raw, *(piece.raw for piece in case.pieces)) for case in stored.mac] == [case.mac.raw for case in stored.mac]
    for case in stored.derive:
        assert derive(case.key.raw, case.info.encode(), case.length) == case.derived.raw


class Password(Case, frozen=True):
    password: str
    secret: Hex
    hash: str


class Passwords(msgspec.Struct, frozen=True):
    good: list[Password]
    bad: list[Password]


PASSWORDS = read("password", Passwords)


@pytest.mark.parametrize("case", PASSWORDS.good, ids=name)
def test_a_stored_password_verifies(case: Password) -> None:
    assert verify_password(case.hash, case.password, case.secret.raw)


@pytest.mark.parametrize("case", PASSWORDS.bad, ids=name)
def test_a_wrong_password_does_not_verify(case: Password) -> None:
    assert not verify_password(case.hash, case.password, case.secret.raw)


class ForgedToken(Case, frozen=True):
    token: str


class AccessTokens(msgspec.Struct, frozen=True):
    seed: Hex
    next_seed: Hex
    kid: str
    next_kid: str
    now: int
    claims: str
    token: str
    next_token: str
    bad: list[ForgedToken]


TOKENS = read("token", AccessTokens)
RING = TokenRing(SigningKey(TOKENS.seed.raw), [SigningKey(TOKENS.next_seed.raw)])


def test_issued_access_tokens_stay_good_and_are_minted_the_same() -> None:
    claims = json.loads(TOKENS.claims)
    for token in (TOKENS.token, TOKENS.next_token):
        assert RING.verify(token) == {**claims, "iat": TOKENS.now}
    assert RING.mint(claims, TOKENS.now) == TOKENS.token
    assert (SigningKey(TOKENS.seed.raw).kid, SigningKey(TOKENS.next_seed.raw).kid) == (TOKENS.kid, TOKENS.next_kid)


@pytest.mark.parametrize("case", TOKENS.bad, ids=name)
def test_a_forged_access_token_is_refused(case: ForgedToken) -> None:
    with pytest.raises(UnauthenticatedError):
        RING.verify(case.token)


def test_every_format_has_its_file() -> None:
    assert {path.stem for path in FOLDER.glob("*.json")} >= FROZEN
