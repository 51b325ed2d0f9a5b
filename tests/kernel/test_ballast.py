"""The file that takes up room: laid, given up, and laid again only where there is room for more than itself."""

import os
from pathlib import Path

import pytest

from timos.kernel.db import ballast
from timos.kernel.db.ballast import BYTES, Ballast


@pytest.fixture
def free(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """The free bytes that the disk says it has."""
    said = [10 * BYTES]
    real = os.statvfs

    def told(path: Path) -> os.statvfs_result:
        disk = list(real(path))
        disk[1], disk[4] = 1, said[0]  # the size of a fragment, those that are free
        return os.statvfs_result(disk)

    monkeypatch.setattr(os, "statvfs", told)
    monkeypatch.setattr(ballast, "LOOK_SECONDS", -1.0)
    return said


def test_until_it_is_laid_there_is_nothing_and_everything_may_grow(tmp_path: Path) -> None:
    assert Ballast(tmp_path / "ballast").has_room()
    assert list(tmp_path.iterdir()) == []


def test_it_takes_up_its_room(tmp_path: Path) -> None:
    one = Ballast(tmp_path / "ballast")
    one.lay()
    assert (tmp_path / "ballast").stat().st_blocks * 512 >= BYTES
    assert one.has_room()
    one.lay()  # the next start
    assert [path.name for path in tmp_path.iterdir()] == ["ballast"]


def test_given_up_nothing_may_grow_until_there_is_room_for_more_than_it(tmp_path: Path, free: list[int]) -> None:
    one = Ballast(tmp_path / "ballast")
    one.lay()
    one.give_up()
    free[0] = BYTES + 4096  # what it gave up itself, and a little
    assert list(tmp_path.iterdir()) == []
    assert not one.has_room()
    one.give_up()
    free[0] = 3 * BYTES
    assert one.has_room()
    assert (tmp_path / "ballast").exists()


def test_where_there_is_no_room_from_the_start_nothing_may_grow(tmp_path: Path, free: list[int]) -> None:
    free[0] = BYTES
    one = Ballast(tmp_path / "ballast")
    one.lay()
    assert not one.has_room()
    assert list(tmp_path.iterdir()) == []
