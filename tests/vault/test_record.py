"""What a declaration promises: keys, days, one spelling of every document."""

from datetime import date, timedelta

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from timos.kernel.errors import DecryptionError, InputError
from timos.vault.collections import daily_entries, feels_entries, preferences
from timos.vault.collections.daily_entries import DailyEntry
from timos.vault.collections.feels_entries import Evening, Morning
from timos.vault.collections.preferences import Preferences
from timos.vault.record import canonical, parse_day

ENTRIES, FEELS, PREFERENCES = daily_entries.COLLECTION, feels_entries.COLLECTION, preferences.COLLECTION
TODAY = date(2026, 11, 22)
DAY = date(2026, 11, 20)


@pytest.mark.parametrize("text", ["1000-01-01", "1660-02-29", "2024-02-29", "2026-11-22", "2026-11-24"])
def test_a_day_from_the_year_1000_to_tomorrow_anywhere_is_taken(text: str) -> None:
    assert parse_day(text, path="day", today_utc=TODAY).isoformat() == text


IMPOSSIBLE = ["0999-12-31", "2026-11-25", "9999-12-31", "2023-02-29", "2026-13-01", "2026-00-10", "2026-11-31", "0000-00-00"]
SPELT_OTHERWISE = ["20261122", "2026-W47-7", "2026-11-2", "2026-1-022", "-026-11-22", "2026/11/22", "2026-11-22T00", "2026-11-22 "]
STRANGE = ["", "2026", "today", "٢٠٢٦-١١-٢٢", "２０２６-11-22"]


@pytest.mark.parametrize("text", [*IMPOSSIBLE, *SPELT_OTHERWISE, *STRANGE])
def test_any_other_day_is_refused_by_the_name_of_its_field(text: str) -> None:
    with pytest.raises(InputError) as caught:
        parse_day(text, path="$.day", today_utc=TODAY)
    assert caught.value.path == "$.day"


@given(st.dates(date(1000, 1, 1), TODAY))
def test_every_real_day_is_read_as_itself(day: date) -> None:
    assert parse_day(day.isoformat(), path="", today_utc=TODAY) == day


def test_today_may_be_the_last_day_of_the_calendar() -> None:
    with pytest.raises(InputError):
        parse_day("nonsense!!", path="", today_utc=date.max - timedelta(days=2))


def test_keys_name_the_day_and_the_kind() -> None:
    assert ENTRIES.keys_between(DAY, DAY + timedelta(1)) == [("2026-11-20",), ("2026-11-21",)]
    assert sorted(FEELS.keys_between(DAY, DAY)) == [("2026-11-20", "evening"), ("2026-11-20", "morning")]
    assert ENTRIES.keys_between(DAY, DAY - timedelta(1)) == []
    assert len(ENTRIES.keys_between(date(9999, 12, 30), date.max)) == 2
    assert ENTRIES.key_of(DailyEntry(day=DAY)) == ("2026-11-20",)
    assert FEELS.key_of(Evening(day=DAY)) == ("2026-11-20", "evening")
    assert PREFERENCES.key_of(Preferences()) == ()
    assert ENTRIES.public_id(("2026-11-20",)) == "2026-11-20"
    assert FEELS.public_id(("2026-11-20", "evening")) == "2026-11-20/evening"
    assert PREFERENCES.public_id(()) == "preferences"
    assert FEELS.type_of(("2026-11-20", "evening")) is Evening
    assert ENTRIES.type_of(("2026-11-20",)) is DailyEntry


def test_a_document_gets_the_day_of_its_address_and_may_not_name_another() -> None:
    assert ENTRIES.place(DailyEntry(title="x"), ("2026-11-20",)) == DailyEntry(day=DAY, title="x")
    assert ENTRIES.place(DailyEntry(day=DAY), ("2026-11-20",)) == DailyEntry(day=DAY)
    with pytest.raises(InputError) as caught:
        ENTRIES.place(DailyEntry(day=DAY), ("2026-11-21",))
    assert caught.value.path == "$.day"
    assert PREFERENCES.place(Preferences(), ()) == Preferences()


def test_equal_documents_have_one_spelling_with_every_field() -> None:
    one = msgspec.json.decode(b'{"title":"a","body":"b","day":"2026-11-20"}', type=DailyEntry)
    two = msgspec.json.decode(b'{ "day":"2026-11-20", "notes":[], "body":"\\u0062","title":"a" }', type=DailyEntry)
    assert canonical(one) == canonical(two)
    fields = list(msgspec.json.decode(canonical(one), type=dict[str, object]))
    assert fields == sorted(fields)
    assert set(fields) == set(DailyEntry.__struct_fields__)


@given(st.text(max_size=30), st.lists(st.text(min_size=1, max_size=5), max_size=3), st.booleans(), st.dates(date(1000, 1, 1), TODAY))
def test_a_stored_document_is_read_back_as_it_was(body: str, tags: list[str], completed: bool, day: date) -> None:  # noqa: FBT001 (Hypothesis)
    document = DailyEntry(day=day, body=body, tags=tuple(tags), completed=completed)
    assert ENTRIES.decode(canonical(document)) == document
    assert canonical(ENTRIES.decode(canonical(document))) == canonical(document)


@pytest.mark.parametrize("raw", [b"", b"{", b"[]", b"null", b'{"unknown":1}', b'{"body":5}', b'{"kind":"noon"}', b"\xff"])
def test_what_is_no_document_of_a_collection_is_a_record_that_does_not_open(raw: bytes) -> None:
    with pytest.raises(DecryptionError):
        FEELS.decode(raw)
    with pytest.raises(DecryptionError):
        ENTRIES.decode(raw)


def test_the_kind_decides_the_type() -> None:
    for document in (Morning(day=DAY, mental_state=3), Evening(day=DAY, pressure_or_purpose=-2)):
        assert FEELS.decode(canonical(document)) == document
