"""Keyed checksums and derived keys: the symmetric tools besides the cipher."""

import hmac

from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from timos.crypto.cipher import pae


def mac(key: bytes, *pieces: bytes) -> bytes:
    """HMAC-SHA-256 over the PAE of the pieces, 32 bytes: moving a byte from one piece to the next gives another value."""
    return hmac.digest(key, pae(*pieces), "sha256")


def equal(left: bytes, right: bytes) -> bool:
    """In constant time, for everything that somebody could guess byte by byte."""
    return hmac.compare_digest(left, right)


def derive(key: bytes, info: bytes, length: int = 32) -> bytes:
    """HKDF-SHA-256 without salt (RFC 5869): `key` must be uniformly random already; `info` names the one use of the result."""
    return HKDF(SHA256(), length, None, info).derive(key)
