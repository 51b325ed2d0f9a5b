"""Who may use a data folder: one process alone, or those that serve one pair on servers side by side."""

import asyncio
import fcntl
import time
from typing import IO

from timos.kernel.errors import StartError
from timos.lifecycle.founding.places import Places

SHARE_SECONDS = 30.0


def claim(places: Places, *, may_create: bool = True) -> IO[str]:
    """The data folder for this process alone, until the returned file is closed or `share`d.

    Raises:
        StartError: another server uses it, or the folder cannot be written; or there is none, and it may not be created.
    """
    if not may_create and not places.data_dir.is_dir():
        message = f"There is no TimOS in {places.data_dir} yet. Start the server once: timos serve."
        raise StartError(message)
    try:
        places.data_dir.mkdir(parents=True, exist_ok=True, mode=0o700)
        handle = (places.data_dir / "serve.lock").open("w", encoding="ascii")
    except OSError as error:
        message = f"The data folder {places.data_dir} cannot be written: {error.strerror}. Mend its permissions or set TIMOS_DATA_DIR."
        raise StartError(message) from error
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        handle.close()
        message = f"Another TimOS server is using {places.data_dir}. Stop it first, or choose another folder with TIMOS_DATA_DIR."
        raise StartError(message) from error
    return handle


async def claim_or_share(places: Places) -> IO[str]:
    """For serving: alone where a database is a file, which has one writer; otherwise beside other servers that are open already.

    Raises:
        StartError: see `claim`.
    """
    until = time.monotonic() + SHARE_SECONDS
    while True:
        try:
            return claim(places)
        except StartError:
            handle = _join(places)
            if handle is not None:
                return handle
            if places.files or time.monotonic() > until:
                raise
            await asyncio.sleep(0.1)  # one that just starts, or a change of keys


def share(handle: IO[str], places: Places) -> None:
    """From here on other processes may serve the same pair; what needs it alone still waits for all of them."""
    if not places.files:
        fcntl.flock(handle, fcntl.LOCK_SH)


def _join(places: Places) -> IO[str] | None:
    if places.files or not places.data_dir.is_dir():
        return None
    handle = (places.data_dir / "serve.lock").open("a", encoding="ascii")
    try:
        fcntl.flock(handle, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except OSError:
        handle.close()
        return None
    return handle
