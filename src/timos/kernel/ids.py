"""Random ids and their written form. An id carries no time and no order: either would join the two databases."""

import base64
import binascii
from collections.abc import Callable

ID_BYTES = 16  # 128 bits: no collision to plan for

_URL_SAFE = bytes.maketrans(b"+/", b"-_")

Randomness = Callable[[int], bytes]  # os.urandom, or a seeded source in tests


def text_of(value: bytes) -> str:
    """base64url without padding, RFC 4648 section 5: 22 characters for an id."""
    return binascii.b2a_base64(value, newline=False).translate(_URL_SAFE, b"=").decode("ascii")


def bytes_of(text: str, length: int = ID_BYTES) -> bytes | None:
    """The inverse of `text_of`, or None for anything else: only the one canonical spelling is taken."""
    try:
        value = base64.b64decode(text.encode("ascii") + b"=" * (-len(text) % 4), altchars=b"-_", validate=True)
    except (binascii.Error, UnicodeEncodeError):
        return None
    return value if len(value) == length and text_of(value) == text else None
