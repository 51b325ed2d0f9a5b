"""The collections themselves: nothing is missing from the registry, and every rule of a document holds."""

import pkgutil
from datetime import UTC, date, datetime
from typing import Any

import msgspec
import pytest

import timos.vault.collections
from timos.kernel.errors import InputError
from timos.vault.collections import COLLECTIONS
from timos.vault.collections.daily_entries import MAX_NOTES, DailyEntry, Note, with_note
from timos.vault.collections.feels_entries import Evening, Morning
from timos.vault.collections.preferences import Preferences, day_at
from timos.vault.record import Document

DAY = "2026-11-20"
AT = "2026-11-20T08:00:00Z"
LONG = "x" * 201


def test_no_module_is_missing_from_the_registry() -> None:
    modules = {module.name for module in pkgutil.iter_modules(timos.vault.collections.__path__)}
    assert modules == {collection.name for collection in COLLECTIONS}


def test_names_and_addresses_are_unique_and_every_kind_has_its_type() -> None:
    assert len({collection.name for collection in COLLECTIONS}) == len(COLLECTIONS)
    paths = [collection.path for collection in COLLECTIONS if collection.path is not None]
    assert len(set(paths)) == len(paths)
    for collection in COLLECTIONS:
        assert ("kind" in collection.key) == (list(collection.kinds) != [""])
        for kind, document in collection.kinds.items():
            assert document.key_kind == kind
            assert document.__struct_config__.forbid_unknown_fields
            assert document.__struct_config__.frozen


GOOD: list[tuple[type[Document], dict[str, Any]]] = [
    (DailyEntry, {}),
    (DailyEntry, {"title": "x" * 200, "body": "é" * 1000, "tags": ["t" * 64] * 50, "completed": True, "place": None, "weather": ""}),
    (DailyEntry, {"notes": [{"id": "1", "at": AT, "text": "x"}], "pillars": [{"pillar": "work"}], "source": {"name": "import"}}),
    (DailyEntry, {"body": "x" * 1024 * 1024}),
    (Morning, {}),
    (Morning, {"mental_state": 1, "valence": -1, "energy": 1.0, "sleep_hours": 24, "emotions": ["calm"] * 20}),
    (Morning, {"mental_state": 5, "valence": 0.5, "strongest_emotion": "x" * 64, "sleep_hours": 0}),
    (Evening, {"pressure_or_purpose": -2, "energy_givers": ["x" * 500] * 30, "honest_note": "x" * 16 * 1024}),
    (Evening, {"pressure_or_purpose": 2}),
    (Preferences, {"time_zone": "Europe/Zurich", "day_ends_at_hour": 12, "locale": "de-CH", "week_start": "saturday"}),
]
BAD: list[tuple[type[Document], dict[str, Any]]] = [
    (DailyEntry, {"titel": "misspelt"}),
    (DailyEntry, {"title": LONG}),
    (DailyEntry, {"title": None}),
    (DailyEntry, {"body": "x" * (1024 * 1024 + 1)}),
    (DailyEntry, {"tags": [""]}),
    (DailyEntry, {"tags": "one"}),
    (DailyEntry, {"tags": ["t"] * 51}),
    (DailyEntry, {"completed": 1}),
    (DailyEntry, {"day": "2026-02-30"}),
    (DailyEntry, {"notes": [{"id": "1", "at": "2026-11-20T08:00:00", "text": "no zone"}]}),
    (DailyEntry, {"notes": [{"id": "1", "at": AT, "text": ""}]}),
    (DailyEntry, {"notes": [{"id": "1", "at": AT, "text": "x", "more": 1}]}),
    (DailyEntry, {"notes": [{"id": "1", "at": AT, "text": "x"}] * (MAX_NOTES + 1)}),
    (DailyEntry, {"pillars": [{"pillar": LONG}]}),
    (Morning, {"mental_state": 0}),
    (Morning, {"mental_state": 6}),
    (Morning, {"mental_state": 2.5}),
    (Morning, {"valence": 1.01}),
    (Morning, {"energy": -1.01}),
    (Morning, {"sleep_hours": 24.5}),
    (Morning, {"emotions": ["x"] * 21}),
    (Morning, {"emotions": [""]}),
    (Morning, {"kind": "evening"}),
    (Evening, {"pressure_or_purpose": 3}),
    (Evening, {"mental_state": 3}),
    (Preferences, {"day_ends_at_hour": 13}),
    (Preferences, {"week_start": "friday"}),
    (Preferences, {"locale": "not a locale"}),
    (Preferences, {"prompts": [""]}),
    (Preferences, {"day": DAY}),
]


@pytest.mark.parametrize(("kind", "fields"), GOOD)
def test_what_keeps_the_rules_is_taken(kind: type[Document], fields: dict[str, Any]) -> None:
    document = msgspec.json.decode(msgspec.json.encode(fields), type=kind)
    document.check()


@pytest.mark.parametrize(("kind", "fields"), BAD)
def test_what_breaks_a_rule_is_refused(kind: type[Document], fields: dict[str, Any]) -> None:
    with pytest.raises(msgspec.ValidationError):
        msgspec.json.decode(msgspec.json.encode(fields), type=kind)


@pytest.mark.parametrize("zone", ["", "Nowhere/Atlantis", "../../etc/passwd", "/etc/localtime", "Europe", "UTC\0", "europe/zurich "])
def test_a_time_zone_must_exist(zone: str) -> None:
    with pytest.raises(InputError) as caught:
        Preferences(time_zone=zone).check()
    assert caught.value.path == "$.time_zone"


# What search does not read: names of days and ids, and what is chosen from a list instead of written.
UNSEARCHED = {"day", "id", "at", "source", "time_zone", "week_start", "locale", "streak_style", "mood", "pillar", "weather", "kind"}
UNSEARCHED |= {"week", "colour", "icon", "emoji", "unit"}


def words(kind: type[msgspec.Struct], prefix: str = "") -> dict[str, Any]:
    """A document in which every text field holds the name of its own place."""
    found: dict[str, Any] = {}
    for field in msgspec.structs.fields(kind):
        value = _filled(msgspec.inspect.type_info(field.type), f"{prefix}{field.name}")
        if value is not None or field.required:
            found[field.encode_name] = _plain(msgspec.inspect.type_info(field.type)) if value is None else value
    return found


def _plain(info: msgspec.inspect.Type) -> str | int:
    """For what must be there and is no text."""
    return DAY if isinstance(info, msgspec.inspect.DateType) else 1


def _filled(info: msgspec.inspect.Type, name: str) -> Any:
    match info:
        case msgspec.inspect.StrType(pattern=None):
            return name
        case msgspec.inspect.VarTupleType(item_type=item):
            inner = _filled(item, name)
            return None if inner is None else [inner]
        case msgspec.inspect.DictType(value_type=item):
            inner = _filled(item, name)
            return None if inner is None else {"anything": inner}
        case msgspec.inspect.UnionType(types=types):
            return next((value for one in types if (value := _filled(one, name)) is not None), None)
        case msgspec.inspect.StructType(cls=inner_kind, tag=None):
            inner = words(inner_kind, f"{name}.") | ({"at": AT} if "at" in inner_kind.__struct_fields__ else {})
            return inner if leaves(inner) else None
        case msgspec.inspect.Metadata(type=inner_type):
            return _filled(inner_type, name)
        case _:
            return None


def leaves(value: Any) -> set[str]:
    if isinstance(value, str):
        return {value} - {AT, DAY}
    if isinstance(value, int):
        return set()
    parts = value.values() if isinstance(value, dict) else value
    return set().union(*(leaves(part) for part in parts)) if parts else set()


@pytest.mark.parametrize(
    "kind", [document for collection in COLLECTIONS if collection.is_content for document in collection.kinds.values()]
)
def test_search_reads_every_word_that_was_written(kind: type[Document]) -> None:
    filled = {name: value for name, value in words(kind).items() if name not in {"time_zone", "locale", "week_start", "streak_style"}}
    document = msgspec.convert(filled, kind)
    unread = leaves(filled) - set(document.texts())
    assert [name for name in unread if UNSEARCHED.isdisjoint(name.split("."))] == []
    assert leaves(filled) & set(document.texts())


def test_a_note_more_keeps_the_others_and_a_full_day_takes_none() -> None:
    note = Note(id="1", at=datetime(2026, 11, 20, tzinfo=UTC), text="one")
    entry = DailyEntry(day=date(2026, 11, 20), title="t")
    for _ in range(MAX_NOTES):
        entry = with_note(entry, note)
    assert entry.title == "t"
    assert len(entry.notes) == MAX_NOTES
    with pytest.raises(InputError) as caught:
        with_note(entry, note)
    assert caught.value.path == "$.notes"


@pytest.mark.parametrize(
    ("zone", "ends_at", "instant", "day"),
    [
        ("UTC", 3, "2026-11-20T02:59:59Z", "2026-11-19"),
        ("UTC", 3, "2026-11-20T03:00:00Z", "2026-11-20"),
        ("UTC", 0, "2026-11-20T00:00:00Z", "2026-11-20"),
        ("Pacific/Kiritimati", 3, "2026-11-20T13:30:00Z", "2026-11-21"),  # UTC+14
        ("Pacific/Pago_Pago", 3, "2026-11-20T13:30:00Z", "2026-11-19"),  # UTC-11
        ("Asia/Kathmandu", 3, "2026-11-19T21:14:00Z", "2026-11-19"),  # 02:59
        ("Asia/Kathmandu", 3, "2026-11-19T21:15:00Z", "2026-11-20"),  # 03:00
        ("Europe/Zurich", 3, "2026-03-29T00:59:00Z", "2026-03-28"),  # 01:59, then clocks jump to 03:00
        ("Europe/Zurich", 3, "2026-03-29T01:00:00Z", "2026-03-29"),
        ("Europe/Zurich", 3, "2026-10-25T01:59:00Z", "2026-10-24"),  # the second 02:59
        ("Europe/Zurich", 3, "2026-10-25T02:00:00Z", "2026-10-25"),
        ("UTC", 12, "2026-01-01T11:59:00Z", "2025-12-31"),
    ],
)
def test_a_day_ends_at_the_users_own_hour(zone: str, ends_at: int, instant: str, day: str) -> None:
    preferences = Preferences(time_zone=zone, day_ends_at_hour=ends_at)
    assert day_at(preferences, datetime.fromisoformat(instant)).isoformat() == day
