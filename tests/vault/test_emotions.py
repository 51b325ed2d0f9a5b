"""Words for feelings: a place for each, and a level for each place."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from timos.vault.emotions import EMOTIONS, valence_energy

IDS = [emotion.id for emotion in EMOTIONS]


def test_there_are_48_words_each_of_them_once() -> None:
    assert len(EMOTIONS) == len(set(IDS)) == len({emotion.name.casefold() for emotion in EMOTIONS}) == 48


def test_every_word_lies_on_the_scales_and_every_corner_has_words() -> None:
    assert all(-1 <= emotion.valence <= 1 and -1 <= emotion.energy <= 1 for emotion in EMOTIONS)
    for is_pleasant in (True, False):
        for is_stirred in (True, False):
            assert sum((one.valence > 0.2) is is_pleasant and (one.energy > 0) is is_stirred for one in EMOTIONS) >= 8


def test_words_have_their_mean_place() -> None:
    assert valence_energy(["calm"]) == (0.6, -0.6)
    assert valence_energy(["calm", "anxious"]) == pytest.approx((0.0, 0.0))
    assert valence_energy(["joyful", "proud", "sad"]) == pytest.approx(((0.9 + 0.8 - 0.7) / 3, (0.6 + 0.4 - 0.4) / 3))


def test_a_word_counts_once_and_by_its_name_too() -> None:
    assert valence_energy(["in-love", "In  Love", " IN LOVE "]) == valence_energy(["in-love"]) == (0.9, 0.5)


def test_words_of_the_users_own_have_no_place() -> None:
    assert valence_energy([]) is None
    assert valence_energy(["sehnsucht", ""]) is None
    assert valence_energy(["sehnsucht", "calm"]) == valence_energy(["calm"])


@given(st.lists(st.sampled_from(IDS), min_size=1, max_size=20))
def test_the_place_is_within_the_scales_and_knows_no_order(words: list[str]) -> None:
    place = valence_energy(words)
    assert place is not None
    assert all(-1 <= value <= 1 for value in place)
    assert valence_energy(reversed(words)) == pytest.approx(place)
