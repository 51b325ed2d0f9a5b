"""A wrapped key opens for its own owner, purpose, version, mode and master key, and for no other; keys do not show themselves."""

import asyncio
import copy
import os
import pickle  # noqa: TID251 (to prove that it is refused)
from collections.abc import Callable
from dataclasses import replace
from hashlib import sha256

import pytest
from hypothesis import given
from hypothesis import strategies as st

from timos.crypto.cipher import Cipher, RecordCipher, pae
from timos.crypto.guarded import Guarded
from timos.crypto.index import BlindIndex
from timos.crypto.keys import PersonalKey, Secret, Wrapped, new_vault_bundle, rewrap, unwrap, vault_keys, wrap
from timos.crypto.kms.local import LocalKeys
from timos.crypto.signing import SigningKey, TokenRing
from timos.kernel.errors import DecryptionError

KEY = bytes.fromhex("8f3a5c0e9b7d42611f8e0c2d4a6b9370d5e7f1183c4b6a920e5d7f8091a2b3c4")
OTHER_KEY = bytes.fromhex("17c2e59d4038fab6127de90b8c4f53a6e8917a0d2b3c6f4581d09e7c5a3b2f46")
BUNDLE = bytes(range(80))
ALICE, BERTA = b"a" * 16, b"b" * 16
NOVEMBER, DECEMBER = "local:2026-11", "local:2026-12"
PROVIDER = LocalKeys({NOVEMBER: KEY, DECEMBER: OTHER_KEY}, NOVEMBER)


def wrapped_for_alice(*, purpose: str = "vault", version: int = 3, mode: int = 0) -> Wrapped:
    return asyncio.run(wrap(PROVIDER, BUNDLE, purpose=purpose, owner=ALICE, version=version, mode=mode))


def refuses(wrapped: Wrapped, *, purpose: str = "vault", owner: bytes = ALICE, provider: LocalKeys = PROVIDER) -> bool:
    try:
        asyncio.run(unwrap(provider, wrapped, purpose=purpose, owner=owner))
    except DecryptionError:
        return True
    return False


@given(
    bundle=st.binary(max_size=200),
    purpose=st.text(max_size=20),
    owner=st.binary(max_size=20),
    version=st.integers(0, 2**32 - 1),
    mode=st.integers(0, 255),
)
def test_what_is_wrapped_can_be_unwrapped(bundle: bytes, purpose: str, owner: bytes, version: int, mode: int) -> None:
    wrapped = asyncio.run(wrap(PROVIDER, bundle, purpose=purpose, owner=owner, version=version, mode=mode))
    assert (wrapped.version, wrapped.mode, wrapped.ref) == (version, mode, NOVEMBER)
    assert asyncio.run(unwrap(PROVIDER, wrapped, purpose=purpose, owner=owner)) == bundle


SWAPS: dict[str, Callable[[Wrapped], Wrapped]] = {
    "version": lambda wrapped: replace(wrapped, version=4),
    "older version": lambda wrapped: replace(wrapped, version=2),
    "mode": lambda wrapped: replace(wrapped, mode=1),
    "ref": lambda wrapped: replace(wrapped, ref=DECEMBER),
    "unknown ref": lambda wrapped: replace(wrapped, ref="local:1999-01"),
    "empty ref": lambda wrapped: replace(wrapped, ref=""),
    "edk of another bundle": lambda wrapped: replace(wrapped, edk=wrapped_for_alice().edk),
    "another bundle": lambda wrapped: replace(wrapped, sealed=wrapped_for_alice().sealed),
    "edk and bundle exchanged": lambda wrapped: replace(wrapped, edk=wrapped.sealed, sealed=wrapped.edk),
    "no edk": lambda wrapped: replace(wrapped, edk=b""),
    "no bundle": lambda wrapped: replace(wrapped, sealed=b""),
}


@pytest.mark.parametrize("swap", SWAPS)
def test_a_wrapped_key_with_something_exchanged_is_refused(swap: str) -> None:
    wrapped = wrapped_for_alice()
    assert not refuses(wrapped)
    assert refuses(SWAPS[swap](wrapped))


def test_a_wrapped_key_is_refused_for_another_owner_or_purpose() -> None:
    wrapped = wrapped_for_alice()
    assert refuses(wrapped, owner=BERTA)
    assert refuses(wrapped, owner=b"")
    assert refuses(wrapped, purpose="personal")
    assert refuses(wrapped, purpose="")
    assert refuses(wrapped, purpose="vaulta", owner=ALICE[1:])  # the same letters, cut elsewhere


def test_a_wrapped_key_is_refused_under_another_master_key_of_the_same_name() -> None:
    assert refuses(wrapped_for_alice(), provider=LocalKeys({NOVEMBER: OTHER_KEY}, NOVEMBER))
    assert refuses(wrapped_for_alice(), provider=LocalKeys({DECEMBER: KEY}, DECEMBER))


def test_a_key_replayed_for_another_owner_is_refused_even_by_one_who_knows_it() -> None:
    known = os.urandom(32)
    wrapped = asyncio.run(wrap(PROVIDER, BUNDLE, purpose="vault", owner=ALICE, version=1, random=lambda _: known))
    context = pae(b"timos.key/1", b"vault", BERTA, (1).to_bytes(4, "big"), b"\0")
    planted = replace(wrapped, sealed=Cipher(known).seal(BUNDLE, context))
    assert refuses(planted, owner=BERTA)


def test_a_key_that_the_master_key_encrypted_without_an_owner_is_refused() -> None:
    known = os.urandom(32)
    context = pae(b"timos.key/1", b"vault", ALICE, (1).to_bytes(4, "big"), b"\0")
    for unbound in (known, known + bytes(32), known + sha256(context).digest() + b"\0", b"", sha256(context).digest()):
        ref, edk = asyncio.run(PROVIDER.encrypt(unbound))
        assert refuses(Wrapped(1, 0, ref, edk, Cipher(known).seal(BUNDLE, context)))


def test_every_flipped_bit_and_truncation_of_a_wrapped_key_is_refused() -> None:
    wrapped = wrapped_for_alice()

    async def count_opened() -> int:
        opened = 0
        for forged in [*_damaged(wrapped.edk)]:
            opened += await _opens(replace(wrapped, edk=forged))
        for forged in [*_damaged(wrapped.sealed)]:
            opened += await _opens(replace(wrapped, sealed=forged))
        return opened

    assert asyncio.run(count_opened()) == 0


def _damaged(value: bytes) -> list[bytes]:
    flipped = [
        bytes(byte ^ (1 << bit if at == position else 0) for at, byte in enumerate(value))
        for position in range(len(value))
        for bit in range(8)
    ]
    return [*flipped, *(value[:length] for length in range(len(value))), value + b"\0"]


async def _opens(wrapped: Wrapped) -> bool:
    try:
        await unwrap(PROVIDER, wrapped, purpose="vault", owner=ALICE)
    except DecryptionError:
        return False
    return True


def test_wrapping_the_same_twice_shows_nothing_in_common() -> None:
    first, second = wrapped_for_alice(), wrapped_for_alice()
    assert first.edk != second.edk
    assert first.sealed != second.sealed


def test_rewrapping_changes_ref_and_edk_only_and_the_bundle_still_opens() -> None:
    old, provider = wrapped_for_alice(), LocalKeys({NOVEMBER: KEY, DECEMBER: OTHER_KEY}, DECEMBER)
    new = asyncio.run(rewrap(provider, old, purpose="vault", owner=ALICE))
    assert new == replace(old, ref=DECEMBER, edk=new.edk)
    assert new.edk != old.edk
    assert asyncio.run(unwrap(LocalKeys({DECEMBER: OTHER_KEY}, DECEMBER), new, purpose="vault", owner=ALICE)) == BUNDLE
    assert not refuses(old)  # until the old master key goes


def test_rewrapping_never_launders_a_row_of_somebody_else() -> None:
    with pytest.raises(DecryptionError):
        asyncio.run(rewrap(PROVIDER, wrapped_for_alice(), purpose="vault", owner=BERTA))
    with pytest.raises(DecryptionError):
        asyncio.run(rewrap(PROVIDER, replace(wrapped_for_alice(), mode=1), purpose="vault", owner=ALICE))


def test_a_vault_gets_its_keys_from_the_newest_version_and_opens_older_rows() -> None:
    old = new_vault_bundle(os.urandom)
    new = old[:48] + os.urandom(32)  # a rotated data key: vault id and index key stay
    before, after = vault_keys({1: old}), vault_keys({1: old, 2: new})
    assert before.vault_id == after.vault_id == old[:16]
    assert before.index.token("t", "f", "x") == after.index.token("t", "f", "x") == BlindIndex(old[16:48]).token("t", "f", "x")
    assert after.cipher.open(before.cipher.seal(b"text", b"place"), b"place") == b"text"
    assert after.cipher.primary == 2
    assert vault_keys({2: new}).cipher.open(after.cipher.seal(b"text", b"place"), b"place") == b"text"


def test_the_newest_version_decides_where_everything_changed() -> None:
    old, new = new_vault_bundle(os.urandom), new_vault_bundle(os.urandom)
    keys = vault_keys({9: old, 10: new})
    assert keys.vault_id == new[:16]
    assert keys.index.token("t", "f") == BlindIndex(new[16:48]).token("t", "f")


@pytest.mark.parametrize("bundles", [{}, {1: b""}, {1: bytes(79)}, {1: bytes(81)}, {1: bytes(80), 2: bytes(32)}])
def test_a_bundle_of_another_length_is_refused(bundles: dict[int, bytes]) -> None:
    with pytest.raises(DecryptionError):
        vault_keys(bundles)


def test_two_new_vaults_share_nothing() -> None:
    first, second = new_vault_bundle(os.urandom), new_vault_bundle(os.urandom)
    assert len(first) == len(second) == 80
    assert {first[:16], first[16:48], first[48:]}.isdisjoint({second[:16], second[16:48], second[48:]})


def test_a_vault_learns_its_gate_later() -> None:
    keys = vault_keys({1: BUNDLE})
    assert keys.gate is None
    keys.gate = b"g" * 16
    assert keys.gate == b"g" * 16


def test_a_personal_key_opens_its_own_values_in_their_own_column() -> None:
    sealed = PersonalKey(KEY).seal(b"ada@example.org", b"users.address")
    assert PersonalKey(KEY).open(sealed, b"users.address") == b"ada@example.org"
    for key, context in ((KEY, b"users.name"), (OTHER_KEY, b"users.address")):
        with pytest.raises(DecryptionError):
            PersonalKey(key).open(sealed, context)


def test_secrets_are_compared_by_value_and_cannot_be_keys_of_a_table() -> None:
    assert Secret(KEY) == Secret(bytes(bytearray(KEY)))
    assert Secret(KEY) != Secret(OTHER_KEY)
    assert Secret(KEY) != KEY
    assert Secret(KEY).reveal() == KEY
    with pytest.raises(TypeError):
        hash(Secret(KEY))
    with pytest.raises(DecryptionError):
        Secret(KEY[:31])


HOLDERS: list[object] = [
    Secret(KEY),
    Cipher(KEY),
    RecordCipher({1: KEY}, 1),
    BlindIndex(KEY),
    PersonalKey(KEY),
    vault_keys({1: KEY[:16] + OTHER_KEY + KEY}),
    LocalKeys({NOVEMBER: KEY}, NOVEMBER),
    SigningKey(KEY),
    TokenRing(SigningKey(KEY), [SigningKey(OTHER_KEY)]),
]


def kind(holder: object) -> str:
    return type(holder).__name__


@pytest.mark.parametrize("holder", HOLDERS, ids=kind)
def test_what_holds_a_key_does_not_show_it(holder: object) -> None:
    assert {repr(holder), str(holder), f"{holder}", f"{[holder]}"[1:-1]} == {f"<{kind(holder)}: hidden>"}
    assert not hasattr(holder, "__dict__")  # what `vars` and most debug printers would show


@pytest.mark.parametrize("holder", HOLDERS, ids=kind)
def test_what_holds_a_key_can_be_neither_pickled_nor_copied(holder: object) -> None:
    for protocol in range(pickle.HIGHEST_PROTOCOL + 1):
        with pytest.raises(TypeError):
            pickle.dumps(holder, protocol)
    for duplicate in (copy.copy, copy.deepcopy):
        with pytest.raises(TypeError):
            duplicate(holder)


def test_the_list_of_holders_is_complete() -> None:
    assert {type(holder) for holder in HOLDERS} == {
        found for found in Guarded.__subclasses__() if found.__module__.startswith("timos.crypto")
    }
