"""Backups: three artefacts with lives of their own, in one folder made at one time.

    vault.db      every sealed row                                   opens only with the keys below and the master key
    platform.db   accounts, sessions, audit, ledger; no user keys     names and addresses are sealed under the user keys
    keys.json     the users' wrapped keys                             opens only with the master key, which is in none of them
    manifest.json format, install id, sizes and SHA-256, the master keys in use, entries of the erasure ledger

- The vault is copied first and the keys after it: every copied row then has its key. A row more than there are keys for is
  garbage that a restore purges; a row without its key would be a loss.
- `keys.json` is kept short: while it exists, an older vault backup can still be opened, also that of an erased account.
- Nothing is called a backup before it was read back.
- Both databases are SQLite files whatever engine they come from, and go back into any: from a server the rows are copied one by one out of
  one moment of it.
"""

import asyncio
import base64
import hashlib
import json
import os
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from timos.kernel.clock import instant
from timos.kernel.db.address import Address
from timos.kernel.errors import StartError
from timos.lifecycle import filling
from timos.lifecycle.filling import Progress
from timos.lifecycle.founding import upgrading
from timos.lifecycle.instance import Instance

FORMAT = "timos-backup/1"
VAULT, PLATFORM, KEYS, MANIFEST = "vault.db", "platform.db", "keys.json", "manifest.json"
PAGES_AT_ONCE = 256  # 1 MiB: between two pieces a running server gets to write
_FACTS = {"install_id": str, "made_at": str, "vault_rows": int, "ledger": int, "master_keys": list, "files": dict}
_KEY_COLUMNS = ("user_id", "purpose", "version", "mode", "ref", "edk", "sealed", "created_at")

_SELECT_KEYS = f"SELECT {', '.join(_KEY_COLUMNS)} FROM user_deks ORDER BY user_id, purpose, version"  # noqa: S608 (our own constants)
_INSERT_KEYS = f"INSERT INTO user_deks ({', '.join(_KEY_COLUMNS)}) VALUES ({', '.join('?' * len(_KEY_COLUMNS))})"  # noqa: S608


@dataclass(frozen=True, slots=True)
class Backup:
    """What was made, or found in a folder."""

    folder: Path
    install_id: str
    made_at: str
    vault_rows: int
    keys: int
    ledger: int
    master_keys: tuple[str, ...]


def create(instance: Instance, folder: Path, *, progress: Progress) -> Backup:
    """Beside a running server; consistent per artefact. In a thread of its own: it waits.

    Raises:
        StartError: the folder is there already or cannot be written, or a copy is not readable.
    """
    try:
        folder.mkdir(mode=0o700, parents=True)
    except OSError as error:
        message = f"The backup folder {folder} cannot be made: {error.strerror}. Name one that does not exist yet."
        raise StartError(message) from error
    platform, vault = upgrading.histories(instance.places)
    try:
        _copy(vault, folder / VAULT, progress)
        _copy(platform, folder / PLATFORM, progress)
        keys = _take_keys_out(folder / PLATFORM)
        _write(folder / KEYS, json.dumps({"format": FORMAT, "keys": keys}, indent=1))
        _write(folder / MANIFEST, json.dumps(_manifest(instance, folder, keys), indent=1))
        _sync(folder)
    except (OSError, sqlite3.Error) as error:
        message = f"The backup in {folder} is not complete: {error}. Delete it and make another."
        raise StartError(message) from error
    return verify(folder)


def verify(folder: Path) -> Backup:
    """Read a backup back: every file is what the manifest says, and both databases are whole.

    Raises:
        StartError: no backup, incomplete, or changed since it was made.
    """
    manifest = _json(folder / MANIFEST)
    if manifest.get("format") != FORMAT:
        message = f"{folder} is no backup that this version of TimOS can read."
        raise StartError(message)
    if not all(isinstance(manifest.get(name), kind) for name, kind in _FACTS.items()):
        message = f"{folder / MANIFEST} lacks a part: it was changed since the backup was made. Use another backup."
        raise StartError(message)
    files = manifest["files"]
    for name in (VAULT, PLATFORM, KEYS):
        if name not in files or _sha256(folder / name) != files[name]:
            message = f"{folder / name} is missing or was changed since the backup was made. Use another backup."
            raise StartError(message)
    for name in (VAULT, PLATFORM):
        _check_whole(folder / name)
    return Backup(
        folder,
        manifest["install_id"],
        manifest["made_at"],
        manifest["vault_rows"],
        len(read_keys(folder)),
        manifest["ledger"],
        tuple(manifest["master_keys"]),
    )


def read_keys(folder: Path) -> list[dict[str, str | int]]:
    """The rows of keys.json, bytes in base64."""
    keys: list[dict[str, str | int]] = _json(folder / KEYS)["keys"]
    return keys


def put_keys_back(platform: Path, keys: list[dict[str, str | int]]) -> None:
    """Into the restored platform database; keys that it has already (it should have none) are replaced."""
    rows = [tuple(_decoded(name, key[name]) for name in _KEY_COLUMNS) for key in keys]
    with closing(sqlite3.connect(platform)) as connection, connection:
        connection.execute("DELETE FROM user_deks")
        connection.executemany(_INSERT_KEYS, rows)


def _copy(database: tuple[str, Address, Path], target: Path, progress: Progress) -> None:
    _, source, history = database
    if not isinstance(source, Path):
        asyncio.run(filling.export(source, target, history, progress=progress))
        return
    target.touch(mode=0o600)
    with closing(sqlite3.connect(f"{source.as_uri()}?mode=ro", uri=True)) as reader, closing(sqlite3.connect(target)) as writer:
        reader.backup(writer, pages=PAGES_AT_ONCE, progress=lambda _, remaining, total: progress(target.name, total - remaining, total))
        writer.execute("PRAGMA journal_mode=DELETE")  # one file, without a log beside it


def _take_keys_out(platform: Path) -> list[dict[str, str | int]]:
    with closing(sqlite3.connect(platform)) as connection:
        rows = connection.execute(_SELECT_KEYS).fetchall()
        connection.execute("PRAGMA secure_delete=ON")
        with connection:
            connection.execute("DELETE FROM user_deks")
        connection.execute("VACUUM")
    return [{name: _encoded(value) for name, value in zip(_KEY_COLUMNS, row, strict=True)} for row in rows]


def _manifest(instance: Instance, folder: Path, keys: list[dict[str, str | int]]) -> dict[str, object]:
    with closing(sqlite3.connect(folder / VAULT)) as vault, closing(sqlite3.connect(folder / PLATFORM)) as platform:
        rows = sum(_count(vault, table) for table in _tables(vault))
        entries = _count(platform, "erasure_ledger")
        own = [ref for (ref,) in platform.execute("SELECT DISTINCT ref FROM platform_keys")]
    return {
        "format": FORMAT,
        "install_id": instance.founded.install_id.hex(),
        "made_at": instant(instance.clock.now_ms()).isoformat(timespec="seconds"),
        "vault_rows": rows,
        "keys": len(keys),
        "ledger": entries,
        "master_keys": sorted({*own, *(str(key["ref"]) for key in keys)}),
        "files": {name: _sha256(folder / name) for name in (VAULT, PLATFORM, KEYS)},
    }


def _tables(connection: sqlite3.Connection) -> Iterator[str]:
    for (name,) in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'"):
        columns = {column[1] for column in connection.execute(f'PRAGMA table_info("{name}")')}
        if "sealed" in columns:
            yield name


def _count(connection: sqlite3.Connection, table: str) -> int:
    return int(connection.execute(f'SELECT count(*) FROM "{table}"').fetchone()[0])  # noqa: S608 (names come from the schema)


def _check_whole(path: Path) -> None:
    try:
        with closing(sqlite3.connect(f"{path.absolute().as_uri()}?mode=ro", uri=True)) as connection:
            answer = connection.execute("PRAGMA integrity_check").fetchone()
    except sqlite3.Error as error:
        message = f"{path} is damaged: {error}. Use another backup."
        raise StartError(message) from error
    if answer != ("ok",):
        message = f"{path} is damaged. Use another backup."
        raise StartError(message)


def _encoded(value: bytes | str | int) -> str | int:
    return base64.b64encode(value).decode() if isinstance(value, bytes) else value


def _decoded(name: str, value: str | int) -> bytes | str | int:
    return base64.b64decode(value) if name in {"user_id", "edk", "sealed"} and isinstance(value, str) else value


def _write(path: Path, text: str) -> None:
    handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(handle, "w", encoding="utf-8") as file:
        file.write(text + "\n")
        file.flush()
        os.fsync(file.fileno())


def _json(path: Path) -> dict[str, Any]:
    try:
        read: dict[str, Any] = dict(json.loads(path.read_text(encoding="utf-8")))
    except (OSError, ValueError, TypeError) as error:
        message = f"{path} is not there or cannot be read: this is no complete backup."
        raise StartError(message) from error
    return read


def _sha256(path: Path) -> str:
    try:
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except OSError as error:
        message = f"{path} cannot be read: {error.strerror}."
        raise StartError(message) from error


def _sync(folder: Path) -> None:
    for path in (*folder.iterdir(), folder):
        handle = os.open(path, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)
