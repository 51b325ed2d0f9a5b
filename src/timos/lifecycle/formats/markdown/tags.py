"""The tags of a page: those that its front matter lists, and those in its prose."""

import re
from collections.abc import Iterator

from timos.lifecycle.formats.markdown.front_matter import Field
from timos.lifecycle.formats.markdown.page import MAX_TAG, MAX_TAGS

_FENCE = re.compile(r"\s*(?:>\s?)*(`{3,}|~{3,})")
_LISTED = re.compile(r"\s*(?:[-*+]|[0-9]{1,9}[.)])\s")
_LINKED = re.compile(r"\[\[[^\[\]]*\]\]")
_TICKS = re.compile("(`+)")
_NO_TAG = (  # Unicode's blocks of punctuation; not \w, which leaves out emoji, and the vowel signs of half of Asia
    r"\s\x00-,.:-@\[-^`{-\x9f\xa1-\xa9\xab-\xb1\xb4\xb6-\xb8\xbb\xbf\u200b\u200e\u200f\u2010-\u206f\u2e00-\u2e7f\u3000-\u303f"
    r"\uff01-\uff0f\uff1a-\uff20\uff3b-\uff3e\uff5b-\uff65"
)
_TAG = re.compile(rf"(?<!\S)#([^{_NO_TAG}]+)")  # so neither headings nor parts of an address
_NUMBER = re.compile(r"[\d/_-]*")  # "#12" is somebody's list, not a tag


def tags_of(found: Field) -> list[str]:
    """None, of a field that holds something else."""
    if found.key != "tags" or not found.values:
        return []
    is_list = len(found.lines) > 1 or "[" in found.lines[0]
    tags = found.values if is_list else re.split(r"[\s,]+", found.values[0])
    return [tag for tag in (" ".join(each.split()).removeprefix("#") for each in tags) if tag]


def inline_tags(body: str) -> Iterator[str]:
    """As they are typed in the text, without the sign; code and links have none."""
    for line in _prose(body):
        for tag in _TAG.findall(_LINKED.sub("[]", _without_code(line))):
            if not _NUMBER.fullmatch(tag):
                yield str(tag).strip("/")


def with_tags(known: dict[str, str], tags: tuple[str, ...]) -> dict[str, str]:
    """What does not fit stays in the text only."""
    found = dict(known)
    for tag in tags:
        if len(tag) <= MAX_TAG and (len(found) < MAX_TAGS or tag.casefold() in found):
            found.setdefault(tag.casefold(), tag)
    return found


def _prose(body: str) -> Iterator[str]:
    """The lines that are not code. Indented lines of a list, or of a paragraph that goes on, are none."""
    fence, is_listed, may_be_code = "", False, True
    for line in body.split("\n"):
        mark = _FENCE.match(line)
        if fence:
            fence = "" if mark and mark[1].startswith(fence) and not line[mark.end() :].strip() else fence
        elif mark and "`" not in line[mark.end() :]:
            fence = mark[1]
        elif not line.strip():
            may_be_code = True
        elif is_listed or not may_be_code or not line.startswith(("    ", "\t")):
            is_listed = bool(_LISTED.match(line)) or (is_listed and line[0] in " \t")
            may_be_code = False
            yield line


def _without_code(line: str) -> str:
    """Code spans cut out (CommonMark 0.31 section 6.1). In one pass, however many ticks somebody types."""
    pieces = _TICKS.split(line)  # text, ticks, text, ticks, …
    closing: dict[str, list[int]] = {}
    for at in range(len(pieces) - 2, 0, -2):
        closing.setdefault(pieces[at], []).append(at)
    kept, at = [], 0
    while at < len(pieces):
        places = closing.get(pieces[at], []) if at % 2 else []
        while places and places[-1] <= at:
            places.pop()
        kept.append("`" if at % 2 else pieces[at])
        at = places[-1] + 1 if places else at + 1
    return "".join(kept)
