"""The words of a text as they are compared: without case, accents, ligatures and widths."""

import unicodedata
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cache

_PAGES = ("cp1252", "cp1250", "cp1251", "cp1253", "cp1254", "cp1257")  # Western, Central European, Cyrillic, Greek, Turkish, Baltic
_MAX_STRAYS = 8

# Letters that Unicode does not take apart, but that people type without the stroke. `ı` because `I` folds to `i`.
_SPELLED = {"æ": "ae", "œ": "oe", "ø": "o", "ł": "l", "đ": "d", "ħ": "h", "ı": "i"}
_UNSPACED = (  # scripts written without spaces between words: every letter is a word
    (0x0E00, 0x0EFF),  # Thai, Lao
    (0x1000, 0x109F),  # Myanmar
    (0x1780, 0x17FF),  # Khmer
    (0x2E80, 0x2FDF),  # radicals
    (0x3005, 0x3007),  # iteration mark, zero
    (0x3040, 0x30FF),  # Hiragana, Katakana
    (0x31F0, 0x31FF),
    (0x3400, 0x4DBF),  # Han
    (0x4E00, 0x9FFF),
    (0xF900, 0xFAFF),
    (0x1B000, 0x1B16F),
    (0x20000, 0x3FFFF),
)
_DROPPED = ((0xFE00, 0xFE0F), (0x1F3FB, 0x1F3FF), (0xE0100, 0xE01EF))  # variation selectors, skin tones
_REMEMBERED = ((0x0000, 0xFFFF), (0x1F000, 0x1FFFF))  # nobody can fill the memory with rare characters


class _Folding(dict[int, str]):
    """For `str.translate`: a code point → its folded letters, a space for what separates words, nothing for marks."""

    def __missing__(self, code: int) -> str:
        folded = _fold_letter(chr(code))
        if _is_in(chr(code), _REMEMBERED):
            self[code] = folded
        return folded


def _fold_letter(character: str) -> str:
    bare = _without_marks(unicodedata.normalize("NFKD", character)).casefold()
    folded = "".join(map(_spell, _without_marks(unicodedata.normalize("NFKD", bare))))
    return " " if folded.isspace() else folded


def _without_marks(text: str) -> str:
    return "".join(character for character in text if not _is_dropped(character))


def _is_dropped(character: str) -> bool:
    if unicodedata.combining(character) or _is_in(character, _DROPPED):
        return True
    # Cf: soft hyphens, joiners, direction marks. The zero width space does part words.
    return unicodedata.category(character) in {"Cf", "Me"} and character != "\u200b"


def _spell(character: str) -> str:
    if character in _SPELLED:
        return _SPELLED[character]
    category = unicodedata.category(character)
    if category in {"So", "Sc"}:
        return f" {character} "
    if character.isalnum() or category in {"Mn", "Mc"}:  # vowel signs that are no accents belong to the word
        return f" {character} " if _is_in(character, _UNSPACED) else character
    return " "


def _is_in(character: str, ranges: Iterable[tuple[int, int]]) -> bool:
    return any(first <= ord(character) <= last for first, last in ranges)


FOLDING = _Folding()


@dataclass(frozen=True, slots=True)
class _Page:
    """How the bytes of a Windows code page fold: each to one byte, or, by a replacement afterwards, to something longer."""

    name: str
    table: bytes
    longer: tuple[tuple[str, str], ...]

    def folded(self, text: str) -> str:
        """Raises UnicodeEncodeError for a text with other characters; there is no cheaper way to ask."""
        encoded = text.encode(self.name).translate(self.table)
        if encoded.isascii():
            return encoded.decode().replace("$", FOLDING[ord("$")])
        folded = encoded.decode(self.name)
        for character, letters in self.longer:
            folded = folded.replace(character, letters)
        return folded


@cache
def _page(name: str) -> _Page:
    table, longer = bytearray(range(256)), {}
    for byte in range(256):
        character = bytes([byte]).decode(name, "ignore")
        if not character:
            continue
        folded = FOLDING[ord(character)]
        as_byte = folded.encode(name, "ignore")
        if len(folded) == len(as_byte) == 1:
            table[byte] = as_byte[0]
        else:  # stands for itself until it is replaced; nothing folds to what folds on
            longer[character] = folded
    return _Page(name, bytes(table), tuple(longer.items()))


def fold(text: str) -> str:
    """The words of a text, at least one space between any two. Folding the parts of a text gives the parts of its folding."""
    for name in _PAGES:
        try:
            return _page(name).folded(text)
        except UnicodeEncodeError:
            continue
    return "".join(_mixed(text))


def _mixed(text: str) -> Iterator[str]:
    """Mostly Western text with an emoji or a foreign word here and there; from the ninth on, letter by letter."""
    western = _page(_PAGES[0])
    for _ in range(_MAX_STRAYS):
        try:
            yield western.folded(text)
        except UnicodeEncodeError as stray:
            yield western.folded(text[: stray.start])
            yield text[stray.start : stray.end].translate(FOLDING)
            text = text[stray.end :]
        else:
            return
    yield text.translate(FOLDING)
