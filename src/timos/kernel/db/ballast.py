"""A file that only takes up room, and is given up when the disk is full: so that one can still sign in, export and erase.

- Given up at the first write that a full disk refuses. While it is away nothing may make the databases larger (`has_room`), or what was
  freed for leaving would be filled with more.
- Laid again by itself when there is twice its room: right after it was given up there is not.
"""

import os
import time
from contextlib import suppress
from pathlib import Path
from typing import Final

BYTES: Final = 8 * 1024 * 1024  # the logs of an export and of an erasure, with what is checkpointed meanwhile
LOOK_SECONDS: Final = 2.0


class Ballast:
    """Does nothing until a server lays it: other commands and databases on servers have none."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._is_wanted = False
        self._is_laid = False
        self._looked_at = 0.0

    def lay(self) -> None:
        """Where there is no room for it, it stays away, and nothing may grow."""
        self._is_wanted = True
        self._is_laid = self._path.exists() or self._has_laid()

    def give_up(self) -> None:
        self._path.unlink(missing_ok=True)
        self._is_laid = False

    def has_room(self) -> bool:
        """Whether something may grow."""
        if self._is_wanted and not self._is_laid and time.monotonic() - self._looked_at > LOOK_SECONDS:
            self._looked_at = time.monotonic()
            self._is_laid = self._has_laid()
        return self._is_laid or not self._is_wanted

    def _has_laid(self) -> bool:
        disk = os.statvfs(self._path.parent)
        if disk.f_bavail * disk.f_frsize < 2 * BYTES:
            return False
        new = self._path.with_name(self._path.name + ".new")
        try:
            with new.open("wb") as file:
                os.posix_fallocate(file.fileno(), 0, BYTES)  # not a hole: the room is taken
            new.rename(self._path)
        except OSError:
            with suppress(OSError):
                new.unlink(missing_ok=True)
            return False
        return True
