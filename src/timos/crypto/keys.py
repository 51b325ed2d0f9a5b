"""Keys of users: how they are wrapped by a key service, and what an unlocked vault holds.

Invariants:
- A wrapped key opens for one purpose, one owner, one version and one mode: that context is sealed with the bundle, and its hash
  travels inside what the key service encrypts. So neither the bundle nor `k` can be replayed for somebody else.
- The key service learns nothing about a user, neither in its data nor in its log.
- `vault_id` exists in clear only inside an opened bundle.
- Nothing here shows itself or can be pickled.
"""

import os
from collections.abc import Mapping
from dataclasses import dataclass, replace
from hashlib import sha256

from timos.crypto.cipher import KEY_BYTES, Cipher, RecordCipher, checked_key, pae
from timos.crypto.guarded import Guarded
from timos.crypto.index import BlindIndex
from timos.crypto.kms.provider import KeyProvider
from timos.crypto.mac import equal
from timos.kernel.errors import DecryptionError
from timos.kernel.ids import ID_BYTES, Randomness

BUNDLE_BYTES = ID_BYTES + 2 * KEY_BYTES  # vault id ‖ index key ‖ data key


class Secret(Guarded):
    """32 bytes that are shown only where `reveal` is written; compared in constant time, and so not hashable."""

    __slots__ = ("_value",)

    def __init__(self, value: bytes) -> None:
        self._value = checked_key(value)

    def reveal(self) -> bytes:
        return self._value

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Secret) and equal(self._value, other._value)

    __hash__ = None  # type: ignore[assignment]  # a hash table would compare hashes, which is not constant time


class VaultKeys(Guarded):
    """An unlocked vault. `gate` is learnt by the vault's store, and None until then."""

    __slots__ = ("cipher", "gate", "index", "vault_id")

    def __init__(self, vault_id: bytes, cipher: RecordCipher, index: BlindIndex) -> None:
        self.vault_id = vault_id
        self.cipher = cipher
        self.index = index
        self.gate: bytes | None = None


class PersonalKey(Guarded):
    """Seals what the platform knows about one user: address, name, IP, user agent, personal parts of the audit log."""

    __slots__ = ("_cipher",)

    def __init__(self, key: bytes) -> None:
        self._cipher = Cipher(key)

    def seal(self, value: bytes, context: bytes) -> bytes:
        return self._cipher.seal(value, context)

    def open(self, sealed: bytes, context: bytes) -> bytes:
        """Raises: DecryptionError, for any cause."""
        return self._cipher.open(sealed, context)


@dataclass(frozen=True, slots=True)
class Wrapped:
    """A bundle as it is stored. `edk` is `k` under the master key `ref`; `sealed` is the bundle under `k`."""

    version: int
    mode: int
    ref: str
    edk: bytes
    sealed: bytes


async def wrap(
    provider: KeyProvider,
    bundle: bytes,
    *,
    purpose: str,
    owner: bytes,
    version: int,
    mode: int = 0,
    random: Randomness = os.urandom,
) -> Wrapped:
    """Seals the bundle under a key of its own, which the provider then encrypts.

    Raises:
        KeyUnavailableError: the key service does not answer.
    """
    context = _context(purpose, owner, version, mode)
    key = random(KEY_BYTES)
    ref, edk = await provider.encrypt(key + sha256(context).digest())
    return Wrapped(version, mode, ref, edk, Cipher(key).seal(bundle, context))


async def unwrap(provider: KeyProvider, wrapped: Wrapped, *, purpose: str, owner: bytes) -> bytes:
    """The bundle.

    Raises:
        DecryptionError: any cause: another owner, purpose, version, mode or ref, or damage.
        KeyUnavailableError: the key service does not answer.
    """
    context = _context(purpose, owner, wrapped.version, wrapped.mode)
    key = await _bound_key(provider, wrapped, context)
    return Cipher(key).open(wrapped.sealed, context)


async def rewrap(provider: KeyProvider, wrapped: Wrapped, *, purpose: str, owner: bytes) -> Wrapped:
    """The same under the provider's primary master key: only `ref` and `edk` change.

    The new `edk` is read back before it is returned, since the caller overwrites the only other copy; the bundle stays sealed.

    Raises:
        DecryptionError: the key service refused the old one, or the new one is not bound to this owner and purpose.
        KeyUnavailableError: the key service does not answer.
    """
    ref, edk = await provider.rewrap(wrapped.ref, wrapped.edk)
    moved = replace(wrapped, ref=ref, edk=edk)
    await _bound_key(provider, moved, _context(purpose, owner, wrapped.version, wrapped.mode))
    return moved


def new_vault_bundle(random: Randomness) -> bytes:
    """A vault that nobody has yet: vault id (16) ‖ index key (32) ‖ data key (32), all random."""
    return random(BUNDLE_BYTES)


def vault_keys(bundles: Mapping[int, bytes]) -> VaultKeys:
    """Bundles by version. The newest is the primary one and gives vault id and index key; older ones only open.

    Raises:
        DecryptionError: there is none, or one has the wrong length.
    """
    if not bundles or any(len(bundle) != BUNDLE_BYTES for bundle in bundles.values()):
        raise DecryptionError
    primary = max(bundles)
    newest = bundles[primary]
    data_keys = {version: bundle[-KEY_BYTES:] for version, bundle in bundles.items()}
    return VaultKeys(newest[:ID_BYTES], RecordCipher(data_keys, primary), BlindIndex(newest[ID_BYTES:-KEY_BYTES]))


async def _bound_key(provider: KeyProvider, wrapped: Wrapped, context: bytes) -> bytes:
    bound = await provider.decrypt(wrapped.ref, wrapped.edk)
    key, digest = bound[:KEY_BYTES], bound[KEY_BYTES:]
    if not equal(digest, sha256(context).digest()):
        raise DecryptionError
    return key


def _context(purpose: str, owner: bytes, version: int, mode: int) -> bytes:
    return pae(b"timos.key/1", purpose.encode(), owner, version.to_bytes(4, "big"), mode.to_bytes(1, "big"))
