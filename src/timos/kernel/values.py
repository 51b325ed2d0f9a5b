"""What a setting may be, as TOML has it or as a text has it.

Each reader raises ValueError, whose words say what the value must be and never what it is: it may be a secret.
"""

from collections.abc import Callable
from ipaddress import IPv4Network, IPv6Network, ip_network
from pathlib import Path
from typing import TypeVar

Value = TypeVar("Value")


def text(value: object) -> str:
    """As it is."""
    if isinstance(value, str):
        return value
    message = "must be a text"
    raise ValueError(message)


def folder(value: object) -> Path:
    """Absolute; ~ is the home folder."""
    return Path(value if isinstance(value, Path) else text(value)).expanduser().absolute()


def flag(value: object) -> bool:
    """Yes and no, on and off, 1 and 0 count too, in any case."""
    told = {"true": True, "1": True, "yes": True, "on": True, "false": False, "0": False, "no": False, "off": False}.get(str(value).lower())
    if told is None:
        raise ValueError("must be true or false")
    return told


def whole(least: int, most: int | None = None) -> Callable[[object], int]:
    """Digits alone."""
    range_ = f"of at least {least}" if most is None else f"from {least} to {most}"

    def read(value: object) -> int:
        digits = str(value) if isinstance(value, int | str) and not isinstance(value, bool) else ""
        if not (digits.isascii() and digits.isdigit()) or int(digits) < least or (most is not None and int(digits) > most):
            raise ValueError(f"must be a whole number {range_}")
        return int(digits)

    return read


def one_of(choices: tuple[Value, ...]) -> Callable[[object], Value]:
    """Exactly one of them."""

    def read(value: object) -> Value:
        for choice in choices:
            if value == choice:
                return choice
        raise ValueError(f"must be one of {', '.join(map(str, choices))}")

    return read


def texts(value: object) -> tuple[str, ...]:
    """In TOML also a list; empty parts do not count."""
    parts = value.split(",") if isinstance(value, str) else value
    if not isinstance(parts, list | tuple) or not all(isinstance(part, str) for part in parts):
        raise ValueError("must be texts, separated by commas")
    return tuple(part.strip() for part in parts if part.strip())


def networks(value: object) -> tuple[IPv4Network | IPv6Network, ...]:
    """As `texts`, of addresses or networks."""
    try:
        return tuple(ip_network(part) for part in texts(value))
    except ValueError:
        raise ValueError("must be networks like 10.0.0.0/8, separated by commas") from None  # the error would quote it
