"""Finds rows without telling what is looked for: a keyed token stands for a day, a name or an id."""

from collections.abc import Iterable, Iterator
from functools import lru_cache

from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.hmac import HMAC

from timos.crypto.cipher import checked_key, pae_head, pae_tail
from timos.crypto.guarded import Guarded
from timos.crypto.mac import derive

TOKEN_BYTES = 16  # 128 bits of the MAC: no collision to plan for, and a row id is as long
_DAY_BYTES = 10  # of an ISO day between 0001 and 9999


class BlindIndex(Guarded):
    """Tokens of one vault. Equal values in two tables, fields or vaults have unrelated tokens."""

    __slots__ = ("_mac",)

    def __init__(self, key: bytes) -> None:
        # keyed once and copied for each token: a year of days is 366 of them
        self._mac = HMAC(derive(checked_key(key), b"timos/1/index"), SHA256())

    def token(self, table: str, field: str, *values: bytes | str | int) -> bytes:
        """16 bytes. A field must always give the same types in the same order: text is UTF-8, a number 8 bytes, big endian, signed.

        A day is its ISO text (`2026-11-22`), so that `days` finds it.
        """
        mac = self._mac.copy()
        mac.update(_head(len(values), table, field) + pae_tail(*map(_bytes, values)))
        return mac.finalize()[:TOKEN_BYTES]

    def days(self, table: str, field: str, days: Iterable[str]) -> Iterator[bytes]:
        """`token(table, field, day)` of each ISO day (ten characters); in the order of the days, so sort before sending."""
        prefix = self._mac.copy()
        # all but the last ten bytes are the same for every day
        prefix.update(_head(1, table, field) + pae_tail(bytes(_DAY_BYTES))[:-_DAY_BYTES])
        for day in days:
            mac = prefix.copy()
            mac.update(day.encode())
            yield mac.finalize()[:TOKEN_BYTES]


@lru_cache(256)  # as many as there are tables, fields and numbers of values
def _head(values: int, table: str, field: str) -> bytes:
    return pae_head(values + 3, b"timos.tag/1", table.encode(), field.encode())


def _bytes(value: bytes | str | int) -> bytes:
    if isinstance(value, bytes):
        return value
    if isinstance(value, str):
        return value.encode()
    return value.to_bytes(8, "big", signed=True)
