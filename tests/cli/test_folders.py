"""What leaves the user's disk: the notes of one folder, and nothing that they did not mean."""

import io
import os
import zipfile
from pathlib import Path

import pytest
import typer

from timos.cli import folders
from timos.cli.folders import zip_folder


@pytest.fixture
def notes(tmp_path: Path) -> Path:
    folder = tmp_path / "notes"
    for name in ("b/2026-11-21.md", "2026-11-22.md", "b/c/2026-11-20 Friday.MD"):
        file = folder / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(name, encoding="utf-8")
    return folder


def opened(raw: bytes) -> dict[str, bytes]:
    with zipfile.ZipFile(io.BytesIO(raw)) as archive:
        assert archive.testzip() is None
        return {name: archive.read(name) for name in archive.namelist()}


def test_the_notes_of_all_folders_are_in_it_in_the_order_of_their_paths(notes: Path) -> None:
    assert list(opened(zip_folder(notes)).items()) == [
        ("2026-11-22.md", b"2026-11-22.md"),
        ("b/2026-11-21.md", b"b/2026-11-21.md"),
        ("b/c/2026-11-20 Friday.MD", b"b/c/2026-11-20 Friday.MD"),
    ]


@pytest.mark.parametrize("name", ["photo.jpg", "notes.txt", "2026-11-22.md.bak", "md", ".2026-11-19.md", ".obsidian/a.md", "b/.trash/a.md"])
def test_nothing_else_and_nothing_hidden_is_in_it(notes: Path, name: str) -> None:
    before = zip_folder(notes)
    (notes / name).parent.mkdir(exist_ok=True)
    (notes / name).write_text("hidden words", encoding="utf-8")
    assert zip_folder(notes) == before


def test_links_and_pipes_are_left_out(notes: Path, tmp_path: Path) -> None:
    before = zip_folder(notes)
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    (elsewhere / "2026-11-18.md").write_text("hidden words", encoding="utf-8")
    (notes / "2026-11-18.md").symlink_to(elsewhere / "2026-11-18.md")
    (notes / "lost.md").symlink_to(tmp_path / "missing")
    (notes / "linked").symlink_to(elsewhere)
    (notes / "round").symlink_to(notes)
    (notes / "folder.md").mkdir()
    os.mkfifo(notes / "pipe.md")
    assert zip_folder(notes) == before


def test_a_folder_may_itself_be_reached_by_a_link(notes: Path, tmp_path: Path) -> None:
    (tmp_path / "link").symlink_to(notes)
    assert zip_folder(tmp_path / "link") == zip_folder(notes)


def test_the_same_notes_are_the_same_bytes_whenever_they_were_written(notes: Path) -> None:
    before = zip_folder(notes)
    os.utime(notes / "2026-11-22.md", (0, 0))
    (notes / "2026-11-22.md").chmod(0o644)
    assert zip_folder(notes) == before


def test_a_name_that_is_not_utf_8_hides_no_note(notes: Path) -> None:
    folder = notes / os.fsdecode(b"\xe9")
    folder.mkdir()
    (folder / "2026-11-17.md").write_bytes(b"words")
    assert opened(zip_folder(notes))["\N{REPLACEMENT CHARACTER}/2026-11-17.md"] == b"words"


@pytest.mark.parametrize("excess", [0, 1])
def test_the_limit_is_on_all_notes_together(notes: Path, monkeypatch: pytest.MonkeyPatch, excess: int) -> None:
    total = sum(len(content) for content in opened(zip_folder(notes)).values())
    monkeypatch.setattr(folders, "MAX_TOTAL_BYTES", total - excess)
    if not excess:
        assert zip_folder(notes)
        return
    with pytest.raises(typer.BadParameter, match="MiB of Markdown"):
        zip_folder(notes)


def test_a_folder_without_notes_is_said_to_be_one(tmp_path: Path) -> None:
    with pytest.raises(typer.BadParameter, match="no Markdown files"):
        zip_folder(tmp_path)


@pytest.mark.parametrize("name", ["missing", "file.md"])
def test_what_is_no_folder_is_refused(tmp_path: Path, name: str) -> None:
    (tmp_path / "file.md").write_text("words", encoding="utf-8")
    with pytest.raises(typer.BadParameter, match=f"{name} cannot be read"):
        zip_folder(tmp_path / name)
