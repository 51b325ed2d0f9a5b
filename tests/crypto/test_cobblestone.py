"""The construction is what the specification says.

The published vectors were made with SHA-256 where Cobblestone-256 has SHA-512. So they prove the oracle, and the oracle,
with the other hash, proves Cobblestone, in both directions.
"""

import zlib
from base64 import b64decode
from hashlib import sha256
from typing import cast

import cryptography_vectors
import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.crypto import oracle
from timos.crypto.cipher import Cipher
from timos.kernel.errors import DecryptionError

CHUNK = oracle.CHUNK
PUBLISHED_HASH = "sha256"
LENGTHS = [0, 1, 15, 16, 511, 512, CHUNK - 1, CHUNK, CHUNK + 1, 2 * CHUNK - 1, 2 * CHUNK, 5 * CHUNK + 7]
KEYS = st.binary(min_size=32, max_size=32)
SALTS = st.binary(min_size=24, max_size=24)


class Vector(msgspec.Struct, frozen=True):
    name: str
    aead: str
    expect: str
    key: str
    context: str
    ciphertext: str | None
    compressed: bool = False
    payload_sha256: str = ""
    payload_length: int | None = None
    aead_key: str = ""
    base_nonce: str = ""

    @property
    def sealed(self) -> bytes:
        sealed = b64decode(self.ciphertext or "")
        return zlib.decompress(sealed, wbits=zlib.MAX_WBITS | 32) if self.compressed else sealed


class Vectors(msgspec.Struct, frozen=True):
    vectors: list[Vector]


def load() -> list[Vector]:
    with cryptography_vectors.open_vector_file("chunked-encryption/vectors.json", "rb") as file:
        found = msgspec.json.decode(cast("bytes", file.read()), type=Vectors)
    return [vector for vector in found.vectors if vector.aead == "AEAD_AES_256_GCM"]


ALL = load()
GOOD = [vector for vector in ALL if vector.expect == "success"]
BAD = [vector for vector in ALL if vector.expect == "failure"]


def name(vector: Vector) -> str:
    return vector.name


def test_the_published_vectors_are_all_there() -> None:
    assert (len(GOOD), len(BAD)) == (9, 25)


@pytest.mark.parametrize("vector", GOOD, ids=name)
def test_the_oracle_opens_and_makes_the_published_messages(vector: Vector) -> None:
    key, context, sealed = bytes.fromhex(vector.key), vector.context.encode(), vector.sealed
    message_key, base_nonce, _ = oracle.schedule(key, context, sealed[:24], PUBLISHED_HASH)
    assert (message_key.hex(), base_nonce.hex()) == (vector.aead_key, vector.base_nonce)
    plaintext = oracle.unseal(key, context, sealed, PUBLISHED_HASH)
    assert (len(plaintext), sha256(plaintext).hexdigest()) == (vector.payload_length, vector.payload_sha256)
    assert oracle.seal(key, context, sealed[:24], plaintext, PUBLISHED_HASH) == sealed


@pytest.mark.parametrize("vector", BAD, ids=name)
def test_the_oracle_refuses_the_published_forgeries(vector: Vector) -> None:
    with pytest.raises(oracle.RefusedError):
        oracle.unseal(bytes.fromhex(vector.key), vector.context.encode(), vector.sealed, PUBLISHED_HASH)


@pytest.mark.parametrize("vector", ALL, ids=name)
def test_no_message_of_another_hash_opens(vector: Vector) -> None:
    with pytest.raises(DecryptionError):
        Cipher(bytes.fromhex(vector.key)).open(vector.sealed, vector.context.encode())


@pytest.mark.parametrize("vector", GOOD, ids=name)
def test_the_published_texts_sealed_by_the_oracle_open(vector: Vector) -> None:
    key, context, sealed = bytes.fromhex(vector.key), vector.context.encode(), vector.sealed
    plaintext = oracle.unseal(key, context, sealed, PUBLISHED_HASH)
    assert Cipher(key).open(oracle.seal(key, context, sealed[:24], plaintext), context) == plaintext


@given(key=KEYS, context=st.binary(max_size=80), plaintext=st.binary(max_size=600))
def test_the_oracle_opens_what_we_seal(key: bytes, context: bytes, plaintext: bytes) -> None:
    assert oracle.unseal(key, context, Cipher(key).seal(plaintext, context)) == plaintext


@given(key=KEYS, context=st.binary(max_size=80), salt=SALTS, plaintext=st.binary(max_size=600))
def test_we_open_what_the_oracle_seals(key: bytes, context: bytes, salt: bytes, plaintext: bytes) -> None:
    assert Cipher(key).open(oracle.seal(key, context, salt, plaintext), context) == plaintext


@pytest.mark.parametrize("length", LENGTHS)
def test_both_agree_where_chunks_begin_and_end(length: int) -> None:
    key, plaintext = bytes(range(32)), bytes(index % 251 for index in range(length))
    sealed = Cipher(key).seal(plaintext, b"context")
    assert oracle.seal(key, b"context", sealed[:24], plaintext) == sealed
    assert oracle.unseal(key, b"context", sealed) == Cipher(key).open(sealed, b"context") == plaintext


@pytest.mark.parametrize("length", [CHUNK, 2 * CHUNK + 100])
def test_a_message_cut_or_swapped_at_a_chunk_is_refused(length: int) -> None:
    cipher = Cipher(bytes(range(32)))
    sealed = cipher.seal(bytes(length), b"")
    whole = 56 + CHUNK + 16
    for forged in (sealed[:whole], sealed[:56], sealed[:56] + sealed[whole:], sealed + sealed[56:whole], sealed[:whole] + sealed[56:]):
        with pytest.raises(DecryptionError):
            cipher.open(forged, b"")


@pytest.mark.parametrize("length", [0, 16, 31, 33, 64])
def test_a_key_of_another_length_is_refused(length: int) -> None:
    with pytest.raises(DecryptionError):
        Cipher(bytes(length))


def test_two_sealings_of_the_same_share_neither_salt_nor_text() -> None:
    cipher = Cipher(bytes(range(32)))
    first, second = (cipher.seal(b"the same", b"") for _ in range(2))
    assert first[:24] != second[:24]
    assert first[56:] != second[56:]
