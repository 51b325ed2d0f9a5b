"""Where an instance lives."""

import os
from dataclasses import dataclass
from pathlib import Path

from timos.kernel.db.address import Address
from timos.kernel.errors import StartError


@dataclass(frozen=True, slots=True)
class Places:
    """Where an instance lives. `ledger` is the third copy of the erasure ledger, outside both databases."""

    data_dir: Path
    platform_at: Address
    vault_at: Address
    key: Path
    ledger: Path

    @property
    def platform(self) -> Path:
        """Raises:
        StartError: it is on a server.
        """
        return _file(self.platform_at)

    @property
    def vault(self) -> Path:
        """Raises as `platform`."""
        return _file(self.vault_at)

    @property
    def files(self) -> tuple[Path, ...]:
        """Of the embedded databases; empty when both are on servers."""
        return tuple(at for at in (self.platform_at, self.vault_at) if isinstance(at, Path))

    @property
    def address(self) -> Path:
        return self.data_dir / "serve.url"

    @property
    def marker(self) -> Path:
        return self.data_dir / "founding"

    @property
    def swapping(self) -> Path:
        return self.data_dir / "restoring"


def note_address(places: Places, url: str) -> None:
    """So that other commands print links to the server as it really runs, also with `--port`."""
    places.address.write_text(url + "\n", encoding="utf-8")


def address(places: Places) -> str | None:
    """Of the server that ran last."""
    try:
        return places.address.read_text(encoding="utf-8").strip()
    except FileNotFoundError:
        return None


def sync_folder(folder: Path) -> None:
    """What was made, renamed or removed in it is on the disk."""
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def _file(address: Address) -> Path:
    if isinstance(address, Path):
        return address
    message = f"{address} is on a server, and no file."
    raise StartError(message)
