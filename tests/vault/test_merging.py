"""Merge patches: the examples of RFC 7396, appendix A, that can be part of a document, and members that change their kind."""

import pytest

from timos.vault.actions.merging import Json, merge
from timos.vault.collections.daily_entries import DailyEntry
from timos.vault.collections.morning_habits import Habit

WEEKLY: dict[str, Json] = {"schedule": {"every": "week", "times": 3}, "name": "Run"}


@pytest.mark.parametrize(
    ("before", "patch", "after"),
    [
        ({"a": "b"}, {"a": "c"}, {"a": "c"}),
        ({"a": "b"}, {"b": "c"}, {"a": "b", "b": "c"}),
        ({"a": "b"}, {"a": None}, {}),
        ({"a": "b", "b": "c"}, {"a": None}, {"b": "c"}),
        ({"a": ["b"]}, {"a": "c"}, {"a": "c"}),
        ({"a": "c"}, {"a": ["b"]}, {"a": ["b"]}),
        ({"a": {"b": "c"}}, {"a": {"b": "d", "c": None}}, {"a": {"b": "d"}}),
        ({"a": [{"b": "c"}]}, {"a": [1]}, {"a": [1]}),
        ({"e": None}, {"a": 1}, {"e": None, "a": 1}),
        ({}, {"a": {"bb": {"ccc": None}}}, {"a": {"bb": {}}}),
    ],
)
def test_a_patch_merges_as_the_standard_says(before: dict[str, Json], patch: dict[str, Json], after: Json) -> None:
    kept = dict(before)
    assert merge(DailyEntry, before, patch) == after
    assert before == kept


@pytest.mark.parametrize(
    ("patch", "schedule"),
    [
        ({"schedule": {"every": "day"}}, {"every": "day"}),
        ({"schedule": {"every": "weekdays", "days": [1]}}, {"every": "weekdays", "days": [1]}),
        ({"schedule": {"every": "week", "times": 2}}, {"every": "week", "times": 2}),
        ({"schedule": {"every": "week"}}, {"every": "week", "times": 3}),  # the same kind: merged
        ({"schedule": {"times": 1}}, {"every": "week", "times": 1}),
        ({"schedule": {"every": None}}, {}),
        ({"schedule": "day"}, "day"),
        ({"name": "Walk"}, {"every": "week", "times": 3}),
    ],
)
def test_a_member_of_another_kind_is_replaced(patch: dict[str, Json], schedule: Json) -> None:
    assert merge(Habit, WEEKLY, patch)["schedule"] == schedule


def test_a_kind_taken_away_is_gone() -> None:
    assert merge(Habit, WEEKLY, {"schedule": None}) == {"name": "Run"}
