"""A text in the user's own editor, without a copy on a disk.

- The file lies in memory (/dev/shm), mode 0600, in a folder of its own with mode 0700 and a name that says nothing.
- Whatever is in that folder afterwards, the editor's own swap and backup files too, is overwritten and removed; also
  after Ctrl-C, a hang-up or a termination signal.
- Where there is no memory-backed folder the command refuses: use TEXT or `--file -`.
- Out of reach: what an editor keeps elsewhere (vim's undo files and registers, when set to), and memory that the machine
  swaps to an unencrypted disk.
"""

import os
import shlex
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import FrameType

import typer

from timos.kernel.ids import Randomness, text_of

_MEMORY = Path("/dev/shm")  # noqa: S108 (a folder of our own inside it, with a name that cannot be guessed, made with mode 0700)
_NAME_BYTES = 12  # of the folder; mkdir fails if it exists
_SIGNALS = (signal.SIGHUP, signal.SIGTERM)
_KNOWN = ("sensible-editor", "nano", "vim", "vi")


def edit(text: str, *, memory: Path = _MEMORY, random: Randomness = os.urandom) -> str:
    """The text as the user left it, without blank lines at its end.

    Raises: typer.BadParameter without an editor or a memory-backed folder; typer.Exit when the editor reports failure.
    """
    command = _command()
    with _private_folder(memory, random) as folder:
        file = folder / "entry.md"
        handle = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(handle, "w", encoding="utf-8") as opened:
            opened.write(text)
        if subprocess.run([*command, str(file)], check=False).returncode:  # noqa: S603 (the user's own editor, no shell)
            typer.echo("timos: The editor ended with an error. Nothing was saved.", err=True)
            raise typer.Exit(1)
        return file.read_text(encoding="utf-8", errors="replace").rstrip()


def _command() -> list[str]:
    chosen = os.environ.get("VISUAL") or os.environ.get("EDITOR")
    if chosen:
        return shlex.split(chosen)
    for name in _KNOWN:
        if found := shutil.which(name):
            return [found]
    raise typer.BadParameter("No editor is known. Set EDITOR, or give the text: TEXT or --file -.")


@contextmanager
def _private_folder(memory: Path, random: Randomness) -> Iterator[Path]:
    if not memory.is_dir():
        raise typer.BadParameter("There is no folder in memory here, and a text in an editor would lie on the disk. Use --file -.")
    folder = memory / f"timos-{text_of(random(_NAME_BYTES))}"
    with _signals_as_exit():
        folder.mkdir(mode=0o700)
        try:
            yield folder
        finally:
            _wipe(folder)


@contextmanager
def _signals_as_exit() -> Iterator[None]:
    """By default these end the process without running any `finally`."""
    before = {number: signal.signal(number, _leave) for number in _SIGNALS}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _leave(number: int, _frame: FrameType | None) -> None:
    sys.exit(128 + number)  # as a shell counts it


def _wipe(folder: Path) -> None:
    for file in folder.rglob("*"):
        if file.is_file() and not file.is_symlink():
            with file.open("r+b") as opened:
                opened.write(bytes(file.stat().st_size))
    shutil.rmtree(folder)
