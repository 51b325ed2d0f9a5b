"""What stands above a text between two lines of dashes, as far as it can be read without a YAML parser."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TypeAlias

DAY_KEYS = ("date", "created")
_KEY = re.compile(r"([^\W\d][\w .-]*):(?:\s|$)")
_NOT_PLAIN = frozenset("[]{}&*!|>%@`#,?-")  # a YAML scalar that begins so is something else (YAML 1.2.2 section 7.3.3)
_EMPTY_LINES = re.compile(r"(?:[ \t]*\n)*")


@dataclass(frozen=True, slots=True)
class Field:
    """`values` is None for what is beyond `key: value`, `key: [a, b]` and lines with dashes; such a field is never taken."""

    key: str
    lines: tuple[str, ...]
    values: tuple[str, ...] | None


_FrontMatter: TypeAlias = tuple[list[Field], str]


def front_matter(text: str) -> _FrontMatter:
    """Its fields, and the text behind it. What only looks like it, a text between two rules, is text."""
    lines = text.split("\n") if text.startswith("---") else [""]
    if lines[0].rstrip() != "---":
        return [], text
    end = next((at for at, line in enumerate(lines) if at and line.rstrip() in {"---", "..."}), 0)
    groups: list[list[str]] = []
    for line in lines[1:end]:
        if _KEY.match(line):
            groups.append([line])
        elif groups and (not line.strip() or line[0] in " \t-#"):
            groups[-1].append(line)
        else:
            return [], text
    return ([_field(group) for group in groups], trimmed("\n".join(lines[end + 1 :]))) if end else ([], text)


def _field(lines: list[str]) -> Field:
    key, _, head = lines[0].partition(":")
    items = [line.strip() for line in lines[1:] if line.strip()]
    if not items:
        values = _list(head.strip())
    elif head.strip() or not all(item.startswith("- ") for item in items):
        values = None
    else:
        values = _scalars(item[2:] for item in items)
    return Field(key.strip().casefold(), tuple(lines), values)


def _list(text: str) -> tuple[str, ...] | None:
    if not text.startswith("["):
        return _scalars(iter([text] if text else []))
    if not text.endswith("]"):
        return None
    items = text[1:-1].split(",")
    return _scalars(iter(items if items[-1].strip() else items[:-1]))


def _scalars(items: Iterator[str]) -> tuple[str, ...] | None:
    found = []
    for item in items:
        scalar = _scalar(item.strip())
        if scalar is None:
            return None
        found.append(scalar)
    return tuple(found)


def _scalar(text: str) -> str | None:
    quote, inner = text[:1], text[1:-1]
    if quote in {'"', "'"}:
        is_whole = len(text) > 1 and text.endswith(quote) and quote not in inner and "\\" not in inner
        return inner if is_whole else None
    return None if not text or quote in _NOT_PLAIN or " #" in text or ": " in text else text


def trimmed(body: str) -> str:
    """Without the empty lines that it begins with."""
    found = _EMPTY_LINES.match(body)
    return body[found.end() :] if found else body
