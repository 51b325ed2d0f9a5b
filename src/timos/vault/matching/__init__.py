"""Finding words in opened documents. Pure: no keys, no database, no clock, and nothing is kept between two calls.

What the search box understands:
- `word`      the whole word: `plague` does not find `plagues`; several terms must all occur, anywhere in the document;
- `pre*`      words that begin so; a star elsewhere is punctuation;
- `"a b"`     the words next to each other, with any white space and punctuation between them. Straight, curly and
              angle quotes are one. A bare term with punctuation inside (`father's`, `Fleet-street`) is such a phrase.

Case, accents, ligatures and widths do not count (NFKD, marks dropped, case-folded; `ß` is `ss`, `æ` is `ae`, `ø` is `o`).
A currency sign, an emoji and a letter of a script without spaces (Han, Kana, Thai …) is a word by itself.

How it stays fast: folding is done letter by letter and so never depends on the neighbours. A document whose bytes show that
nothing but ASCII can fold in it is judged on its lower-cased bytes (`might_match`), Western text is folded through a table
of 256 bytes, the rest letter by letter. Every shortcut may only say what the slow way would say; the tests hold them to it.
"""
