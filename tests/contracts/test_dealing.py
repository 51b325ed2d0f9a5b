"""Every rule of the contracts runs on every pair of engines, whatever was dealt to it."""

from collections import defaultdict
from types import ModuleType

import pytest

from tests.contracts import test_damaged_rows, test_lists, test_moving, test_names, test_records
from tests.contracts.samples import SAMPLES
from tests.databases import PAIRS, dealt

RULES = [test_damaged_rows, test_lists, test_moving, test_names, test_records]


def hands_of(module: ModuleType) -> dict[str, list[tuple[str, str]]]:
    """What is dealt to each of its rules that runs over samples: the sample's name and the pair."""
    found = {}
    for rule, function in vars(module).items():
        for mark in getattr(function, "pytestmark", ()) if rule.startswith("test_") else ():
            if "over" in mark.kwargs and "tell" in function.__annotations__:
                found[rule] = [(sample.name, pair) for sample, pair in dealt(rule, mark.kwargs["over"])]
    return found


@pytest.mark.parametrize("module", RULES, ids=lambda module: module.__name__.rpartition(".")[2])
def test_every_rule_meets_every_pair_of_engines(module: ModuleType) -> None:
    hands = hands_of(module)
    assert hands
    for rule, dealt_to_it in hands.items():
        assert {pair for _, pair in dealt_to_it} == PAIRS.keys(), rule


def test_every_damage_is_done_on_every_pair_of_engines() -> None:
    rule = "test_a_row_that_does_not_open_is_reported_and_never_overwritten"
    done: dict[str, set[str]] = defaultdict(set)
    for sample, pair in dealt(rule, SAMPLES):
        done[pair].update(test_damaged_rows.damages_for(sample, has_files=pair == "sqlite"))
    assert done.pop("sqlite") == test_damaged_rows.DAMAGES.keys()
    assert set(map(frozenset, done.values())) == {frozenset(test_damaged_rows.EVERYWHERE)}
