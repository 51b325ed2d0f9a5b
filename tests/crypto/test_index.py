from datetime import date, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from timos.crypto.cipher import pae
from timos.crypto.index import BlindIndex
from timos.crypto.mac import derive, mac
from timos.kernel.errors import DecryptionError

KEY = bytes(range(32))
INDEX = BlindIndex(KEY)


def test_a_token_is_the_documented_bytes() -> None:
    expected = mac(
        derive(KEY, b"timos/1/index"),
        b"timos.tag/1",
        b"habits",
        b"name",
        "Zwemmen ✓".encode(),
        (-5).to_bytes(8, "big", signed=True),
        b"\xff",
    )
    assert INDEX.token("habits", "name", "Zwemmen ✓", -5, b"\xff") == expected[:16]


@given(st.text(max_size=20), st.text(max_size=20))
def test_equal_values_have_equal_tokens_and_others_do_not(left: str, right: str) -> None:
    assert (INDEX.token("habits", "name", left) == INDEX.token("habits", "name", right)) == (left == right)


def test_one_value_has_unrelated_tokens_wherever_it_stands() -> None:
    tokens = [
        INDEX.token("habits", "name", "x"),
        INDEX.token("pillars", "name", "x"),
        INDEX.token("habits", "day", "x"),
        INDEX.token("habits", "name", "x", ""),
        INDEX.token("habits", "name"),
        INDEX.token("habitsname", "", "x"),
        BlindIndex(KEY[::-1]).token("habits", "name", "x"),
    ]
    assert len(set(tokens)) == len(tokens)
    assert {len(token) for token in tokens} == {16}


@given(st.dates(max_value=date(9000, 1, 1)), st.integers(0, 40))
def test_days_gives_the_token_of_each_day(first: date, more: int) -> None:
    days = [str(first + timedelta(days=offset)) for offset in range(more)]
    assert list(INDEX.days("daily_entries", "day", days)) == [INDEX.token("daily_entries", "day", day) for day in days]


def test_the_order_of_tokens_is_not_the_order_of_days() -> None:
    tokens = list(INDEX.days("t", "day", [str(date(2024, 1, 1) + timedelta(days=offset)) for offset in range(60)]))
    assert len(set(tokens)) == 60
    assert tokens != sorted(tokens)
    assert tokens != sorted(tokens, reverse=True)


@pytest.mark.parametrize("length", [0, 16, 31, 33])
def test_a_key_of_another_length_is_refused(length: int) -> None:
    with pytest.raises(DecryptionError):
        BlindIndex(bytes(length))


def test_a_token_is_no_record_context() -> None:
    # same key family, other prefix: what is computed for one use can never be asked for as the other
    assert pae(b"timos.tag/1", b"t")[:27] != pae(b"timos.vault/1", b"t")[:27]
