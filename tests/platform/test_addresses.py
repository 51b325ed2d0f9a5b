"""One person, one address, one form of it."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from timos.kernel.errors import InputError
from timos.platform.addresses import canonical


@pytest.mark.parametrize(
    ("typed", "kept"),
    [
        ("ada@example.org", "ada@example.org"),
        ("  Ada@Example.ORG ", "ada@example.org"),
        ("ada＠example.org", "ada@example.org"),
        ("ＡＤＡ@example.org", "ada@example.org"),
        ("ada@bücher.example", "ada@xn--bcher-kva.example"),
        ("ada@BÜCHER.example", "ada@xn--bcher-kva.example"),
        ("Jürgen@example.org", "jürgen@example.org"),
        ("ju\u0308rgen@example.org", "jürgen@example.org"),
        ("a.d+a@example.org", "a.d+a@example.org"),
        ("ada@localhost", "ada@localhost"),
        ("ada@faß.example", "ada@xn--fa-hia.example"),
    ],
)
def test_every_spelling_becomes_one_form(typed: str, kept: str) -> None:
    assert canonical(typed) == kept
    assert canonical(kept) == kept


@pytest.mark.parametrize(
    "typed",
    [
        "",
        "ada",
        "@example.org",
        "ada@",
        "ada@@example.org",
        "ada@example@org",
        '"ada"@example.org',
        "ada(work)@example.org",
        "ada@(work)example.org",
        "ada lovelace@example.org",
        "ada@exa mple.org",
        "ada@[192.0.2.1]",
        ".ada@example.org",
        "ada.@example.org",
        "a..da@example.org",
        "ada@-example.org",
        "ada@example..org",
        "ada\x00@example.org",
        "ada\n@example.org",
        "ada\u200b@example.org",
        "ada\u202e@example.org",
        "ada\ud800@example.org",
        "a" * 65 + "@example.org",
        "ada@" + ".".join(["a" * 60] * 5),
    ],
)
def test_what_has_no_single_meaning_is_refused(typed: str) -> None:
    with pytest.raises(InputError) as caught:
        canonical(typed)
    assert caught.value.path == "$.address"


@given(
    st.one_of(
        st.text(),
        st.builds("{}@{}".format, st.text(min_size=1, max_size=8), st.sampled_from(["example.org", "straße.example", "İ.example"])),
    )
)
def test_the_canonical_form_is_its_own_canonical_form(typed: str) -> None:
    try:
        once = canonical(typed)
    except InputError:
        return
    assert canonical(once) == once


@given(st.text(alphabet="abcdefghijklmnopqrstuvwxyz0123456789+-_", min_size=1, max_size=30))
def test_case_never_makes_a_second_account(local: str) -> None:
    assert canonical(f"{local}@example.org") == canonical(f"{local.upper()}@EXAMPLE.org")
