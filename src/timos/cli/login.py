"""The saved login: one server and its tokens in one file that only its owner can read.

- Tokens are sent to the server they came from and to no other.
- A new refresh token is on the disk before it is used: the old one is void from then on.
- One process renews at a time; the others wait and take what it wrote.
"""

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import msgspec

from timos.kernel.errors import StartError
from timos.kernel.ids import Randomness, text_of

_OTHERS = 0o077  # any right of group or world
_OWNER_FILE = 0o600
_OWNER_FOLDER = 0o700
_SUFFIX_BYTES = 6  # of a temporary name; O_EXCL decides, this only avoids trying twice


@dataclass(frozen=True, slots=True)
class Login:
    """`server` is an origin as `address.Server.url`; the tokens never show in a repr."""

    server: str
    address: str
    access_token: str = field(repr=False)
    refresh_token: str = field(repr=False)
    is_insecure: bool = False


class LoginFile:
    """Reads and writes atomically; `locked` is held by whoever renews the tokens."""

    def __init__(self, path: Path, random: Randomness = os.urandom) -> None:
        self._path = path
        self._random = random

    def load(self) -> Login | None:
        """None when there is none.

        Raises: StartError for a file that others can read or that does not parse: the user decides what to do with it.
        """
        try:
            handle = os.open(self._path, os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW)
        except FileNotFoundError:
            return None
        except OSError as error:
            raise StartError(f"{self._path} cannot be read: {error.strerror}.") from error
        with os.fdopen(handle, "rb") as file:
            if os.fstat(file.fileno()).st_mode & _OTHERS:
                raise StartError(f"Others can read {self._path}. Run: chmod 600 {self._path} — or delete it and run: timos login")
            return self._parse(file.read())

    def save(self, login: Login) -> None:
        """On the disk when it returns, or the old one is still whole."""
        self._folder()
        written = self._path.with_name(f".{self._path.name}.{text_of(self._random(_SUFFIX_BYTES))}")
        handle = os.open(written, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, _OWNER_FILE)
        try:
            with os.fdopen(handle, "wb") as file:
                file.write(msgspec.json.encode(login))
                file.flush()
                os.fsync(file.fileno())
            written.replace(self._path)
        except BaseException:
            written.unlink(missing_ok=True)  # it holds tokens
            raise
        self._sync_folder()

    def forget(self) -> None:
        self._path.unlink(missing_ok=True)

    @contextmanager
    def locked(self) -> Iterator[None]:
        """Across processes; a lock file of its own, because `save` replaces the file itself."""
        self._folder()
        handle = os.open(self._path.with_suffix(".lock"), os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, _OWNER_FILE)
        try:
            fcntl.flock(handle, fcntl.LOCK_EX)
            yield
        finally:
            os.close(handle)  # releases the lock

    def _parse(self, raw: bytes) -> Login:
        try:
            return msgspec.json.decode(raw, type=Login)
        except (msgspec.DecodeError, UnicodeDecodeError):
            # Not chained: the decoder's message may quote the file.
            raise StartError(f"{self._path} is damaged. Delete it and run: timos login") from None

    def _folder(self) -> None:
        self._path.parent.mkdir(mode=_OWNER_FOLDER, parents=True, exist_ok=True)

    def _sync_folder(self) -> None:
        handle = os.open(self._path.parent, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)


def default_path() -> Path:
    """XDG base directories: configuration, because it is the user's and small."""
    return Path(os.environ.get("XDG_CONFIG_HOME") or Path.home() / ".config") / "timos" / "login.json"
