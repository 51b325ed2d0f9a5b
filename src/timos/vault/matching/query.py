"""A search, as it is asked of one document after the other."""

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import islice
from typing import Self

from timos.kernel.errors import InputError
from timos.vault.matching.folding import fold
from timos.vault.matching.snippets import Original, Piece, Span, cut
from timos.vault.matching.terms import PATH, PLAIN, Term, parse_terms

MAX_QUERY_CHARACTERS = 200
MAX_TERMS = 16
_MAX_SPANS = 64  # of one term in one text: more than any choice of snippets can show

_Search = Callable[[str], re.Match[str] | None]
_BytesSearch = Callable[[bytes], re.Match[bytes] | None]


@dataclass(frozen=True, repr=False)  # repr hides what was searched for; no slots: the patterns are cached
class Query:
    """What to look for. Cheapest first: `might_match` on the opened bytes, `matches` on their texts, `snippets` on hits."""

    terms: tuple[Term, ...]

    @classmethod
    def parse(cls, text: str) -> Self:
        """Reads the language of the search box.

        Raises:
            InputError: no word in it, more than 200 characters or 16 terms, a quotation mark left open.
        """
        if len(text) > MAX_QUERY_CHARACTERS:
            raise InputError(f"A search has at most {MAX_QUERY_CHARACTERS} characters.", path=PATH)
        terms = tuple(dict.fromkeys(parse_terms(text)))
        if not terms:
            raise InputError("Type at least one word to search for.", path=PATH)
        if len(terms) > MAX_TERMS:
            raise InputError(f"A search has at most {MAX_TERMS} terms.", path=PATH)
        return cls(terms)

    def might_match(self, raw_json: bytes) -> bool:
        """False only if no texts inside this canonical JSON can match: its letters are UTF-8, its member names are no texts."""
        lowered = raw_json.lower()
        for search in self._needed:
            if search(lowered) is None:
                return bool(raw_json.translate(None, PLAIN))
        return True

    def matches(self, texts: Sequence[str]) -> bool:
        """Whether every term occurs in at least one of the texts of a document."""
        unsure = [exact for quick, exact in self._searches if not any(search(text) for search in quick for text in texts)]
        if not unsure:
            return True
        folded = [f" {fold(text)} " for text in texts]
        return all(any(map(search, folded)) for search in unsure)

    def snippets(self, texts: Sequence[str], *, max_count: int = 3, width: int = 160) -> list[list[Piece]]:
        """Stretches of about `width` characters in the original spelling, each on one line, as they follow in the texts.

        Those that show a term not yet shown come before those that repeat one. Cut ends carry an ellipsis.
        """
        return cut(((text, self._spans(text)) for text in texts), max_count=max_count, width=width)

    def _spans(self, text: str) -> list[Span]:
        original = Original(text)
        spans = [
            Span(*original.span(found.start(), found.end()), term)
            for term, pattern in enumerate(self._patterns)
            for found in islice(pattern.finditer(original.folded), _MAX_SPANS)
        ]
        return sorted(spans, key=lambda span: (span.start, span.end))

    @cached_property
    def _patterns(self) -> tuple[re.Pattern[str], ...]:
        return tuple(term.pattern() for term in self.terms)

    @cached_property
    def _searches(self) -> tuple[tuple[tuple[_Search, ...], _Search], ...]:
        shortcuts = (tuple(pattern.search for pattern in term.shortcuts()) for term in self.terms)
        return tuple(zip(shortcuts, (pattern.search for pattern in self._patterns), strict=True))

    @cached_property
    def _needed(self) -> tuple[_BytesSearch, ...]:
        longest_first = sorted(self.terms, key=lambda term: -sum(map(len, term.words)))  # likely the rarest
        return tuple(term.needed().search for term in longest_first)
