"""C2SP chunked-encryption v1 with AES-256-GCM, written from the specification and independent of Cobblestone.

Cobblestone-256 is this with SHA-512. The hash is a parameter because the published vectors were made with SHA-256.
HKDF-Expand, header, chunking and nonces are Python here; only AES-GCM, which is neither young nor ours, comes from a library.
"""

import hmac

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

CHUNK = 16 * 1024
TAG = 16
SALT = 24
COMMITMENT = 32


class RefusedError(Exception):
    """Not an authentic message."""


def seal(key: bytes, context: bytes, salt: bytes, plaintext: bytes, hash_name: str = "sha512") -> bytes:
    message_key, base_nonce, commitment = schedule(key, context, salt, hash_name)
    aead = AESGCM(message_key)
    # the last chunk is always short, empty if need be
    chunks = [plaintext[start : start + CHUNK] for start in range(0, len(plaintext) + 1, CHUNK)]
    return salt + commitment + b"".join(aead.encrypt(_nonce(base_nonce, number), chunk, None) for number, chunk in enumerate(chunks))


def unseal(key: bytes, context: bytes, sealed: bytes, hash_name: str = "sha512") -> bytes:
    salt, commitment, body = sealed[:SALT], sealed[SALT : SALT + COMMITMENT], sealed[SALT + COMMITMENT :]
    message_key, base_nonce, expected = schedule(key, context, salt, hash_name)
    chunks = [body[start : start + CHUNK + TAG] for start in range(0, len(body), CHUNK + TAG)]
    if commitment != expected or not chunks or len(chunks[-1]) == CHUNK + TAG:
        raise RefusedError
    try:
        return b"".join(AESGCM(message_key).decrypt(_nonce(base_nonce, number), chunk, None) for number, chunk in enumerate(chunks))
    except InvalidTag as error:
        raise RefusedError from error


def schedule(key: bytes, context: bytes, salt: bytes, hash_name: str) -> tuple[bytes, bytes, bytes]:
    """Message key, base nonce, commitment: HKDF-Expand (RFC 5869 section 2.3) cut in three."""
    if len(key) != 32:
        raise RefusedError
    info = b"c2sp.org/chunked-encryption@v1+AEAD_AES_256_GCM\0" + salt + context
    block = stream = b""
    for number in range(1, 4):
        block = hmac.digest(key, block + info + bytes([number]), hash_name)
        stream += block
    return stream[:32], stream[32:44], stream[44:76]


def _nonce(base: bytes, number: int) -> bytes:
    return (int.from_bytes(base, "big") ^ number).to_bytes(12, "big")
