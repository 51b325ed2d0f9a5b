"""A folder of notes as one zip, made in memory: no second readable copy comes to lie on a disk."""

import io
import os
import stat
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import NoReturn

import typer

from timos.lifecycle.formats.markdown.folder import MAX_TOTAL_BYTES


def zip_folder(path: Path) -> bytes:
    """Its Markdown files and those of the folders in it. The same files are the same bytes, whatever their dates.

    Hidden files and folders (.obsidian, .trash, .git) and links are left out: a link can lead to what was not meant.

    Raises:
        typer.BadParameter: no folder, no Markdown in it, unreadable, or over 64 MiB.
    """
    files = sorted(_notes(path))
    if not files:
        raise typer.BadParameter(f"{path} holds no Markdown files (.md).")
    target, total = io.BytesIO(), 0
    with zipfile.ZipFile(target, "w") as archive:
        for name, file in files:
            content = _content(file, MAX_TOTAL_BYTES - total, folder=path)
            total += len(content)
            archive.writestr(_info(name), content)
    return target.getvalue()


def _notes(folder: Path) -> Iterator[tuple[str, Path]]:
    """With their paths as they stand in the zip."""
    for here, folders, names in os.walk(folder, onerror=_refuse):  # it does not go into links
        folders[:] = [name for name in folders if not name.startswith(".")]
        for name in names:
            file = Path(here, name)
            if name.lower().endswith(".md") and not name.startswith(".") and _is_regular(file):
                yield _encodable(file.relative_to(folder).as_posix()), file


def _is_regular(file: Path) -> bool:
    """Neither a link nor a pipe, at which reading would wait for ever."""
    try:
        return stat.S_ISREG(file.lstat().st_mode)
    except OSError as error:
        _refuse(error)


def _encodable(name: str) -> str:
    """Old disks have names that are not UTF-8; Python carries them in half characters, which no zip takes."""
    return os.fsencode(name).decode("utf-8", "replace")


def _content(file: Path, left_bytes: int, *, folder: Path) -> bytes:
    try:
        with file.open("rb") as opened:
            content = opened.read(left_bytes + 1)  # never more, however large the file
    except OSError as error:
        _refuse(error)
    if len(content) > left_bytes:
        raise typer.BadParameter(f"{folder} holds over {MAX_TOTAL_BYTES >> 20} MiB of Markdown. Import its folders one by one.")
    return content


def _info(name: str) -> zipfile.ZipInfo:
    info = zipfile.ZipInfo(name)  # dated 1980-01-01
    info.compress_type = zipfile.ZIP_DEFLATED
    info.create_system = 3  # Unix, wherever it is made
    info.external_attr = 0o600 << 16
    return info


def _refuse(error: OSError) -> NoReturn:
    raise typer.BadParameter(f"{error.filename} cannot be read: {error.strerror}.") from None
