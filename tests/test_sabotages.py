"""The list of sabotages keeps up with the source: `make teeth` takes too long to find that out."""

from pathlib import Path

import pytest

from tests.teeth.sabotages import SABOTAGES, SOURCE, Sabotage

ROOT = Path(__file__).resolve().parents[1]


@pytest.mark.parametrize("sabotage", SABOTAGES, ids=lambda sabotage: sabotage.name)
def test_a_sabotage_finds_what_it_breaks_and_who_guards_it(sabotage: Sabotage) -> None:
    for change in sabotage.changes:
        assert (ROOT / SOURCE / change.file).read_text(encoding="utf-8").count(change.old) == 1
    assert [test for test in sabotage.tests if not (ROOT / test).exists()] == []


def test_no_two_sabotages_have_one_name() -> None:
    assert len({sabotage.name for sabotage in SABOTAGES}) == len(SABOTAGES)
