"""The master key as a file on this machine, for those who run TimOS without a key service.

Invariants:
- The file is never overwritten in place: it is created exclusively, and a new version replaces it as a whole, after both file
  and folder have reached the disk. Losing it loses everything.
- Only its owner can read it, or it is not used.
- A key that cannot be random is refused: all bytes equal, a counting row, printable text, few different bytes.
- What is encrypted names its version inside its context: moving a row's `ref` makes it unreadable.
"""

import os
import stat
from collections.abc import Container, Iterator, Mapping
from contextlib import contextmanager
from itertools import pairwise
from pathlib import Path
from typing import BinaryIO, Literal, Self

import msgspec

from timos.crypto.cipher import KEY_BYTES, Cipher, pae
from timos.crypto.guarded import Guarded
from timos.kernel.clock import Clock, instant
from timos.kernel.errors import DecryptionError, StartError
from timos.kernel.ids import Randomness

LARGEST_FILE_BYTES = 64 * 1024  # a thousand versions
NEW_SUFFIX = ".new"  # the next file while it is being written; it is the lock of `add_version` too
FEWEST_DIFFERENT_BYTES = 16  # 32 random bytes have 30 on average; fewer than 16 do not happen (10^-15)
_OTHERS = stat.S_IRWXG | stat.S_IRWXO


class _Keyfile(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The text of the file; keys are written in base64."""

    format: Literal["timos.keyfile/1"]
    primary: str
    keys: dict[str, bytes]

    def __repr__(self) -> str:
        return "<keyfile: hidden>"


class LocalKeys(Guarded):
    """A `KeyProvider` that does the work itself. `create` and `load` make one."""

    __slots__ = ("_ciphers", "primary")

    def __init__(self, keys: Mapping[str, bytes], primary: str) -> None:
        self.primary = primary
        self._ciphers = {ref: Cipher(key) for ref, key in keys.items()}

    @classmethod
    def create(cls, path: Path, clock: Clock, random: Randomness = os.urandom) -> Self:
        """A keyfile with one new version, where there was none; its folder is made too, for the owner only.

        Raises:
            StartError: there is a file already, or it cannot be written.
        """
        ref = _next_ref(clock, ())
        content = _Keyfile("timos.keyfile/1", ref, {ref: random(KEY_BYTES)})
        try:
            path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            with _new_file(path):  # the name is taken; it stays empty until the whole key comes, so no kill leaves half a key
                new = path.with_name(path.name + NEW_SUFFIX)
                new.unlink(missing_ok=True)  # of a creation that was killed: nothing was sealed with it
                with _new_file(new) as file:
                    _write(file, content)
                    new.replace(path)
            _sync_folder(path.parent)
        except FileExistsError as error:
            raise StartError(f"There is a file at {error.filename} already. It was not touched.") from error
        except OSError as error:
            raise StartError(f"The master key cannot be written to {path}: {error.strerror}.") from error
        return cls(content.keys, ref)

    @classmethod
    def load(cls, path: Path) -> Self:
        """Raises: StartError, for a file that is missing, not private, damaged, or holds a key that cannot be random."""
        content = _read(path)
        return cls(content.keys, content.primary)

    @property
    def refs(self) -> tuple[str, ...]:
        """Every version that can open, oldest first."""
        return tuple(self._ciphers)

    def add_version(self, path: Path, clock: Clock, random: Randomness = os.urandom) -> str:
        """Writes a new version to the keyfile and makes it the primary one, here and there; the older ones still open.

        Raises:
            StartError: the file is not the one these keys came from, somebody else is changing it, or it cannot be written.
        """
        new = path.with_name(path.name + NEW_SUFFIX)
        try:
            with _new_file(new) as file:
                # read only now: while the new file is there, nobody else adds a version
                content = self._with_new_version(_read(path), path, clock, random)
                _write(file, content)
                new.replace(path)
            _sync_folder(path.parent)
        except FileExistsError as error:
            raise StartError(f"{new} is in the way: another change is under way, or was cut short. If so, delete it.") from error
        except OSError as error:
            raise StartError(f"The master key cannot be written to {path}: {error.strerror}.") from error
        self._ciphers[content.primary] = Cipher(content.keys[content.primary])
        self.primary = content.primary
        return content.primary

    async def encrypt(self, key: bytes) -> tuple[str, bytes]:
        return self.primary, self._ciphers[self.primary].seal(key, _context(self.primary))

    async def decrypt(self, ref: str, edk: bytes) -> bytes:
        cipher = self._ciphers.get(ref)
        if cipher is None:
            raise DecryptionError
        return cipher.open(edk, _context(ref))

    async def rewrap(self, ref: str, edk: bytes) -> tuple[str, bytes]:
        return await self.encrypt(await self.decrypt(ref, edk))

    def _with_new_version(self, content: _Keyfile, path: Path, clock: Clock, random: Randomness) -> _Keyfile:
        if content.keys.keys() != self._ciphers.keys():
            raise StartError(f"The master key at {path} is not the one that was loaded. Nothing was changed.")
        ref = _next_ref(clock, content.keys)
        return _Keyfile(content.format, ref, {**content.keys, ref: random(KEY_BYTES)})


def _context(ref: str) -> bytes:
    return pae(b"timos.local/1", ref.encode())


def _next_ref(clock: Clock, taken: Container[str]) -> str:
    month = f"local:{instant(clock.now_ms()):%Y-%m}"
    ref, number = month, 1
    while ref in taken:
        number += 1
        ref = f"{month}-{number}"
    return ref


def _read(path: Path) -> _Keyfile:
    try:
        content = msgspec.json.decode(_private_bytes(path), type=_Keyfile)
    except FileNotFoundError as error:
        message = f"There is no master key at {path}. Put your copy of it there: without it nothing that is stored can be opened."
        raise StartError(message) from error
    except OSError as error:
        raise StartError(f"The master key at {path} cannot be read: {error.strerror}.") from error
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise StartError(
            f"The file at {path} is no master key of TimOS, or it is damaged. Put your copy back; if nothing was ever stored, delete it."
        ) from error
    if content.primary not in content.keys:
        raise StartError(f"The master key at {path} lacks its primary version. Put your copy of it back.")
    for ref, key in content.keys.items():
        if not _may_be_random(key):
            raise StartError(f"The version {ref} in {path} is not a random key of {KEY_BYTES} bytes. It was not used.")
    return content


def _private_bytes(path: Path) -> bytes:
    with path.open("rb") as file:
        if os.name == "posix" and os.fstat(file.fileno()).st_mode & _OTHERS:  # of the open file: a path may change its meaning
            raise StartError(f"Others than its owner can use the master key at {path}. Run: chmod 600 {path}")
        return file.read(LARGEST_FILE_BYTES)


def _may_be_random(key: bytes) -> bool:
    if len(key) != KEY_BYTES or len(set(key)) < FEWEST_DIFFERENT_BYTES:
        return False
    steps = {(after - before) % 256 for before, after in pairwise(key)}
    is_text = all(0x20 <= byte < 0x7F for byte in key)  # noqa: PLR2004 (printable ASCII)
    return len(steps) > 1 and not is_text


@contextmanager
def _new_file(path: Path) -> Iterator[BinaryIO]:
    """A file of the owner's that was not there before. It goes again when the block fails: half a key would stop the next start."""
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
        try:
            yield file
        except BaseException:
            path.unlink()
            raise


def _write(file: BinaryIO, content: _Keyfile) -> None:
    file.write(msgspec.json.format(msgspec.json.encode(content)) + b"\n")
    file.flush()
    os.fsync(file.fileno())


def _sync_folder(folder: Path) -> None:
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)  # otherwise a power cut can lose the name while the content is there
    finally:
        os.close(handle)
