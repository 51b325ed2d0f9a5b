"""Reading columns with the type the schema gives them; anything else means that the row was tampered with."""

from timos.kernel.db.port import Value
from timos.kernel.errors import DecryptionError


def blob(value: Value) -> bytes:
    """Raises DecryptionError for anything but bytes."""
    if not isinstance(value, bytes):
        raise DecryptionError
    return value


def number(value: Value) -> int:
    """Raises DecryptionError for anything but a number."""
    if not isinstance(value, int):
        raise DecryptionError
    return value


def text(value: Value) -> str:
    """Raises DecryptionError for anything but text."""
    if not isinstance(value, str):
        raise DecryptionError
    return value
