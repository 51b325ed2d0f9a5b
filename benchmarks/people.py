"""Who is measured: how many users with how many days, the same on every side, and the requests that are made for them."""

import calendar
import random  # noqa: TID251 (the same texts and orders in every run)
from collections import deque
from collections.abc import Iterator, Sequence
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

USERS = 200
DAYS = 365
RECENT = 30  # the days that are read and written one at a time
MONTH_DAYS = 31
CONNECTIONS = 32
AT_ONCE = 4  # of a user: half of what is let through, for some answers are late
REQUESTS = 2000  # prepared, and made in turn
BODY_BYTES = 1065  # as the system that is compared with has them
COUNTED = "00000000"  # becomes another number in each request
WORKS = ("write", "read", "list")
WORDS = ("the", "honest", "note", "about", "today", "work", "family", "energy", "purpose", "call", "plan", "walk", "sleep", "habit", "week")

_chance = random.Random(42)  # noqa: S311 (likewise)


def today() -> date:
    """The newest day that is written."""
    return datetime.fromtimestamp(datetime.now(UTC).timestamp(), UTC).date()  # noqa: TID251 (of nobody)


def days(number: int = DAYS) -> list[date]:
    """The newest first."""
    return [today() - timedelta(days=back) for back in range(number)]


def month() -> tuple[str, int]:
    """A whole month, as YYYY-MM, and how many days it has."""
    first = today() - timedelta(days=40)
    return f"{first:%Y-%m}", calendar.monthrange(first.year, first.month)[1]


def listed(number: int = DAYS) -> tuple[date, date]:
    """The first and the last day of what is listed of so many: a calendar month, or the newest where there is no whole one."""
    if number < DAYS:
        return days(RECENT)[-1], today()
    name, length = month()
    return date.fromisoformat(f"{name}-01"), date.fromisoformat(f"{name}-{length}")


def text(size: int) -> str:
    """Words, exactly so many characters."""
    return " ".join(_chance.choices(WORDS, k=size // 4 + 1))[:size]  # the shortest has three letters


def document() -> str:
    """What is written for a day: 1 KiB of JSON."""
    head = f'{{"title":"{COUNTED} {text(30)}","tags":["work","health","family"],"body":"'
    return f'{head}{text(BODY_BYTES - len(head) - 2)}"}}'


def _in_turn(tokens: Sequence[str], number: int) -> Iterator[str]:
    """By chance, but nobody has more requests under way than one user may."""
    last: deque[str] = deque(maxlen=CONNECTIONS)
    for _ in range(number):
        token = _chance.choice(tokens)
        while last.count(token) >= AT_ONCE:
            token = _chance.choice(tokens)
        last.append(token)
        yield token


def timos(work: str, tokens: Sequence[str], *, days_each: int = DAYS, requests: int = REQUESTS) -> Iterator[str]:
    """Lines for prepared.lua."""
    first, last = listed(days_each)
    recent = days(RECENT)
    for token in _in_turn(tokens, requests):
        day = _chance.choice(recent)
        match work:
            case "write":
                yield f"PUT\t/api/entries/{day}\t{token}\t{document()}"
            case "read":
                yield f"GET\t/api/entries/{day}\t{token}\t"
            case _:
                yield f"GET\t/api/entries?from={first}&to={last}\t{token}\t"


def replaced(work: str, tokens: Sequence[str], bodies: Sequence[str]) -> Iterator[str]:
    """The same for the system that TimOS replaces, with the bodies that it came with."""
    name, _ = month()
    recent = days(RECENT)
    for _ in range(REQUESTS):
        token, day = _chance.choice(tokens), _chance.choice(recent)
        match work:
            case "write":
                head, _, rest = _chance.choice(bodies).partition('"title":"')
                yield f'POST\t/api/entries\t{token}\t{head}"title":"{COUNTED}{rest[len(COUNTED) :]}'
            case "read":
                yield f"GET\t/api/entries/{day}\t{token}\t"
            case _:
                yield f"GET\t/api/entries?month={name}\t{token}\t"


def floor(work: str) -> Iterator[str]:
    """The floor takes its turns by itself."""
    yield {"write": f"PUT\t/one\t\t{document()}", "read": "GET\t/one\t\t", "list": "GET\t/list\t\t"}[work]


def write_lines(path: Path, lines: Iterator[str]) -> Path:
    """For prepared.lua."""
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return path
