"""A diary to measure with: the one given, or one of the same shape made here (always the same)."""

import hashlib
import json
from collections.abc import Iterator
from datetime import date, timedelta
from pathlib import Path

DAYS = 3410
FIRST = date(1660, 1, 1)
QUERIES = ("plague", "deptford", '"my wife"')  # rare, now and then, often
SHORTEST, LONGEST = 75, 975  # words of a day; the median is 300, about 1.4 kB
ONSETS, VOWELS, ENDS = (
    ("b", "c", "d", "f", "g", "h", "l", "m", "n", "p", "r", "s", "t", "w"),
    ("a", "e", "i", "o", "u"),
    ("", "n", "r", "s", "t"),
)


def read(path: Path | None) -> tuple[str, list[dict[str, str]]]:
    """What it is, and its days as {"date", "text"}."""
    if path is None:
        return f"generated, {DAYS} days", generated()
    days = [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]
    return f"{path.name}, {len(days)} days", days


def lines(days: list[dict[str, str]]) -> bytes:
    """As it is imported."""
    return "".join(json.dumps(day) + "\n" for day in days).encode()


def generated(days: int = DAYS, *, share: float = 1.0) -> list[dict[str, str]]:
    """So many, from 1660 on, of this share of the usual length."""
    return list(_generated(days, share))


def _generated(days: int, share: float) -> Iterator[dict[str, str]]:
    for number in range(days):
        noise = hashlib.shake_256(number.to_bytes(4, "big")).digest(4 * LONGEST)
        length = int(share * (SHORTEST + (LONGEST - SHORTEST) * noise[0] ** 2 / 256**2))  # most days are short, some are long
        words = [_word(noise[4 * n : 4 * n + 4]) for n in range(length)]
        for query, every in zip(QUERIES, (97, 23, 3), strict=True):
            if number % every == 0:
                words.insert(len(words) // 2, query.strip('"'))
        yield {"date": (FIRST + timedelta(days=number)).isoformat(), "text": " ".join(words) + "."}


def _word(noise: bytes) -> str:
    first = ONSETS[noise[0] % len(ONSETS)] + VOWELS[noise[1] % len(VOWELS)] + ENDS[noise[2] % len(ENDS)]
    return first + (ONSETS[noise[3] % len(ONSETS)] + VOWELS[noise[0] % len(VOWELS)] if noise[3] % 2 else "")
