"""The one canonical form of an e-mail address, used for uniqueness, limits and look-up.

NFKC, lower case, the domain in IDNA's ASCII form; exactly one `@`. Quoted local parts, comments, address literals, blanks and
control characters are refused. Dots and `+tags` are kept: what they mean is the mail server's business.
"""

import unicodedata

import idna

from timos.kernel.errors import InputError

LOCAL_BYTES = 64  # RFC 5321 section 4.5.3.1.1
ADDRESS_BYTES = 254  # RFC 5321 section 4.5.3.1.3, erratum 1690
PATH = "$.address"
_SPECIALS = frozenset('"(),:;<>@[\\]')  # RFC 5322 section 3.2.3


def canonical(address: str) -> str:
    """Canonical input comes back unchanged.

    Raises:
        InputError: at `$.address`.
    """
    local, at, domain = _folded(address.strip()).partition("@")
    if not at or not _is_plain(local):
        raise _refused()
    found = f"{local}@{_ascii_domain(domain)}"
    if len(local.encode()) > LOCAL_BYTES or len(found.encode()) > ADDRESS_BYTES:
        raise _refused()
    return found


def _folded(text: str) -> str:
    """NFKC before the split: a full-width `＠` is an `@`."""
    folded = unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", text).lower())
    again = unicodedata.normalize("NFKC", folded.lower())
    if again != folded:  # a handful of letters never settle; two forms of one address would be two accounts
        raise _refused()
    return folded


def _is_plain(local: str) -> bool:
    if not local or local.startswith(".") or local.endswith(".") or ".." in local:
        return False
    return all(letter.isprintable() and not letter.isspace() and letter not in _SPECIALS for letter in local)


def _ascii_domain(domain: str) -> str:
    try:
        return idna.encode(domain, uts46=True, transitional=False).decode("ascii").lower()
    except (idna.IDNAError, UnicodeError):
        raise _refused() from None


def _refused() -> InputError:
    return InputError("This is not an e-mail address that can be used here.", path=PATH)
