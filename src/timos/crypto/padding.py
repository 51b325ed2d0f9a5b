"""Hides how long a text is: a diary shows six sizes instead of hundreds. Pad before sealing, unpad after opening."""

from timos.kernel.errors import DecryptionError

SMALLEST = 512  # bytes; most days of a diary
DOUBLING_UP_TO = 16 * 1024  # bytes; above, doubling would waste more than it hides
_MARK = b"\x80"  # ISO/IEC 7816-4: one byte 0x80, then zeros


def pad(data: bytes) -> bytes:
    """At least one byte longer: powers of two from 512 B to 16 KiB, above that Padmé (PURBs, PoPETs 2019.4, section 4.4)."""
    return (data + _MARK).ljust(_padded_size(len(data) + 1), b"\0")


def unpad(data: bytes) -> bytes:
    """The inverse of `pad`; takes any size, so that size classes can change without a new format.

    Raises:
        DecryptionError: this was never padded.
    """
    end = data.rfind(_MARK)
    if end < 0 or data[end + 1 :] != bytes(len(data) - end - 1):  # three times as fast as counting the zeros
        raise DecryptionError
    return data[:end]


def _padded_size(size: int) -> int:
    if size <= SMALLEST:
        return SMALLEST
    if size <= DOUBLING_UP_TO:
        return 1 << (size - 1).bit_length()
    return _padme(size)


def _padme(size: int) -> int:
    """Rounds up so that a length of n bits keeps as many leading bits as n itself has: at most 12 % more, log log n bits shown."""
    exponent = size.bit_length() - 1
    low_bits = exponent - exponent.bit_length()
    mask = (1 << low_bits) - 1
    return (size + mask) & ~mask
