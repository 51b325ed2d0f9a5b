"""What must be true of the files of an instance, but for the canaries: those are `search`ed for."""

import base64
import json
import secrets
import sqlite3
from collections.abc import Sequence
from contextlib import closing, suppress
from pathlib import Path

from timos.cli.exits import ExitCode
from timos.cli.leakcheck.report import Report
from timos.cli.leakcheck.server import TERMINAL, command
from timos.cli.leaksearch import Canary, leaks_in

SHORTEST_LINK = 12  # bytes; shorter values are equal by accident


def search(root: Path, canaries: Sequence[Canary], report: Report) -> None:
    """Every file below `root`."""
    report.needles = sum(len(canary.spellings) for canary in canaries)
    for path in sorted(path for path in root.rglob("*") if path.is_file()):
        content = path.read_bytes()
        report.files += 1
        report.size_bytes += len(content)
        report.leaks += sorted(f"{name} is readable in {path.relative_to(root)}" for name in leaks_in(content, path.name, canaries))
    report.checks.append("no canary in databases, logs, backups and temporary files")


def vaults(root: Path) -> list[bytes]:
    """Their ids."""
    with closing(sqlite3.connect(root / "data" / "vault.db")) as connection:
        return [vault for (vault,) in connection.execute("SELECT vault_id FROM vault_gates")]


def order_is_random(root: Path, order: list[bytes], report: Report) -> None:
    """`order` is that of the sign-ups."""
    with closing(sqlite3.connect(root / "data" / "vault.db")) as connection:
        for table in ("vault_gates", "daily_entries", "feels_entries"):
            first = dict(connection.execute(f"SELECT vault_id, min(rowid) FROM {table} GROUP BY vault_id"))
            rowids = [first[vault] for vault in order]
            if rowids in (sorted(rowids), sorted(rowids, reverse=True)):
                report.leaks.append(f"the rows of {table} lie in the order of sign-up")
    report.checks.append("the order of rows tells nothing")


def databases_share_nothing(live: Path, stolen: Path, report: Report) -> None:
    """No connection is opened on the stolen files: its end would empty their write-ahead logs before they are searched."""
    platform, vault = (_values(live / name) for name in ("platform.db", "vault.db"))
    shared = platform.keys() & vault.keys()
    report.leaks += sorted(f"{platform[value]} and {vault[value]} hold the same value" for value in shared)
    files = {name: b"".join(path.read_bytes() for path in stolen.glob(f"{name}.db*")) for name in ("platform", "vault")}
    report.leaks += sorted({f"a value of {where} lies in vault.db" for value, where in platform.items() if value in files["vault"]})
    report.leaks += sorted({f"a value of {where} lies in platform.db" for value, where in vault.items() if value in files["platform"]})
    report.checks.append("no value is in both databases")


def everything(root: Path) -> dict[bytes, str]:
    """Of both databases, as `_values`."""
    return {**_values(root / "data" / "platform.db"), **_values(root / "data" / "vault.db")}


def _values(path: Path) -> dict[bytes, str]:
    """Every stored value that is long enough to join by, with its place; not what both databases say of the installation."""
    found: dict[bytes, str] = {}
    with closing(sqlite3.connect(path)) as connection:
        tables = [name for (name,) in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")]
        for table in set(tables) - {"meta", "alembic_version", "sqlite_stat1"}:
            cursor = connection.execute(f'SELECT * FROM "{table}"')
            columns = [column[0] for column in cursor.description]
            for row in cursor:
                for column, value in zip(columns, row, strict=True):
                    raw = value.encode() if isinstance(value, str) else value
                    is_long = isinstance(raw, bytes) and len(raw) >= SHORTEST_LINK and any(raw)  # zeros are no value of anybody's
                    if is_long and column != "ref":
                        found[raw] = f"{table}.{column}"
    return found


def holds_no_hidden_file(pid: int, report: Report) -> None:
    """A temporary file that was unlinked at once has no name, but it has a place on the disk. Looked for where /proc shows it."""
    held = Path(f"/proc/{pid}/fd")
    if not held.is_dir():
        return
    for handle in held.iterdir():
        with suppress(FileNotFoundError):  # closed meanwhile
            name = handle.readlink().name
            if name.endswith(" (deleted)"):
                report.leaks.append(f"the server holds an unnamed file open: {name}")
    report.checks.append("the server holds no unnamed file open")


def left_nothing(root: Path, report: Report) -> None:
    """In the temporary folder, or beside the data."""
    left = sorted(str(path.relative_to(root)) for path in (root / "tmp").rglob("*"))
    report.leaks += [f"{name} was left in the temporary folder" for name in left]
    known = {"data", "key", "backup", "stolen", "tmp", TERMINAL}
    report.leaks += sorted(f"{path.name} was made outside of the data folder" for path in root.iterdir() if path.name not in known)
    report.checks.append("no file is left where none belongs")


def opens_with_its_key_only(root: Path, report: Report) -> None:
    """And neither without a key nor with one of the same form and name."""
    key = root / "key" / "master.json"
    away = key.with_name("away.json")
    if command(root, "doctor").returncode != ExitCode.OK:
        report.leaks.append("`timos doctor` is not content with the instance, so nothing can be told about its key")
    key.rename(away)
    if command(root, "doctor").returncode != ExitCode.CANNOT_START:
        report.leaks.append("the instance opens without its master key")
    _make_foreign_key(away, key)
    if command(root, "doctor").returncode != ExitCode.CANNOT_START:
        report.leaks.append("the instance opens with a foreign master key")
    away.replace(key)
    report.checks.append("without its own master key nothing opens")


def _make_foreign_key(like: Path, path: Path) -> None:
    """A keyfile of the same form and with the same names, but other keys."""
    content = json.loads(like.read_text(encoding="utf-8"))
    content["keys"] = {ref: base64.b64encode(secrets.token_bytes(32)).decode() for ref in content["keys"]}
    path.touch(mode=0o600)
    path.write_text(json.dumps(content), encoding="utf-8")
