"""`timos leakcheck`: a whole instance in a folder of its own, canaries written through everything, then a search for them in every byte.

It checks that
- no text, day, address, name, password, token or device of a user is readable in a database, a write-ahead log, a backup, the log
  output or a temporary file, in any of the usual spellings of bytes;
- no stored value joins the two databases, and the order of rows in the vault does not follow the order of sign-up;
- without the master key the instance does not start, and with a foreign one neither.
"""

import base64
import os
import secrets
import shutil
import socket
import sqlite3
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx

USERS = 12  # 12! orders: a vault whose rows follow the sign-ups is no accident
DAY = "1066-10-14"  # a day that no program writes by itself
START_SECONDS = 30
SHORTEST_LINK = 12  # bytes; shorter values are equal by accident


@dataclass(slots=True)
class Report:
    """`leaks` say where what was found, never the canary's neighbourhood; empty means that the promise held."""

    leaks: list[str] = field(default_factory=list)
    files: int = 0
    size_bytes: int = 0
    needles: int = 0
    checks: list[str] = field(default_factory=list)

    @property
    def is_clean(self) -> bool:
        return not self.leaks


def run() -> Report:
    """Takes some seconds; leaves nothing behind."""
    report = Report()
    with tempfile.TemporaryDirectory(prefix="timos-leakcheck-") as folder:
        root = Path(folder)
        canaries = _write_through(root, report)
        _search(root, canaries, report)
        _refuses_without_key(root, report)
    return report


def spellings(text: str) -> Iterator[bytes]:
    """The ways in which a text may lie in a file."""
    raw = text.encode()
    yield from {raw, raw.lower(), raw.upper(), raw[::-1]}
    yield text.encode("utf-16-le")
    yield text.encode("utf-16-be")
    yield raw.hex().encode()
    yield raw.hex().upper().encode()
    for shift in range(3):  # base64 of a longer text looks different at each of three offsets
        body = base64.b64encode(b"\0" * shift + raw)[4 if shift else 0 : -4]
        yield body
        yield body.translate(bytes.maketrans(b"+/", b"-_"))


# ── writing ──────────────────────────────────────────────────────────────────────────────────────────────────────────


def _write_through(root: Path, report: Report) -> dict[str, str]:
    canary = {
        name: f"canary{name}{secrets.token_hex(8)}"
        for name in ("title", "body", "note", "tag", "feels", "evening", "import", "name", "search", "refused", "agent")
    }
    password = f"canary passphrase {secrets.token_hex(8)}"
    address = f"canary.{secrets.token_hex(6)}@example.org"
    found = dict(canary) | {"password": password, "address": address, "day": DAY}
    with server(root) as (url, _environment):
        order: list[bytes] = []
        for number in range(USERS):
            own = address if number == 0 else f"{secrets.token_hex(6)}@example.org"
            found[f"address {number}"] = own
            token = _setup_token(root) if number == 0 else None
            _sign_up(url, own, password, canary, found, token=token, write=number < USERS // 2)
            order += [vault for vault in _vaults(root) if vault not in order]
        _order_is_random(root, order, report)
        _databases_share_nothing(root, report)
        _copy_while_running(root)
        _client(url).post("/api/auth/login", json={"address": canary["refused"] + "@example.org", "password": password, "kind": "bearer"})
        _command(root, "backup", "create", str(root / "backup"))
    return found


def _sign_up(
    url: str, address: str, password: str, canary: Mapping[str, str], found: dict[str, str], *, token: str | None, write: bool
) -> None:
    with _client(url, agent=canary["agent"]) as client:
        answer = _ok(
            client.post(
                "/api/auth/signup",
                json={"address": address, "password": password, "name": canary["name"], "token": token, "kind": "bearer"},
            )
        )
        client.headers["Authorization"] = f"Bearer {answer['access_token']}"
        found[f"access token of {address}"] = answer["access_token"].rpartition(".")[2]
        found[f"refresh token of {address}"] = answer["refresh_token"]
        if not write:
            return
        _ok(
            client.put(
                f"/api/entries/{DAY}", json={"title": canary["title"], "body": canary["body"] + " " + "x" * 3000, "tags": [canary["tag"]]}
            )
        )
        _ok(client.post(f"/api/entries/{DAY}/notes", json={"text": canary["note"]}, headers={"Idempotency-Key": canary["note"]}))
        _ok(client.put(f"/api/feels/{DAY}/morning", json={"avoiding": canary["feels"]}))
        _ok(client.put(f"/api/feels/{DAY}/evening", json={"honest_note": canary["evening"]}))
        lines = f'{{"date":"1066-10-15","text":"{canary["import"]}"}}\n'
        _ok(client.post("/api/imports", params={"format": "jsonl"}, content=lines, headers={"Content-Type": "application/x-ndjson"}))
        _ok(client.post("/api/search", json={"query": canary["search"]}))
        client.put(f"/api/entries/{DAY}", json={"title": canary["refused"], "nonsense": canary["refused"]})
        client.get(f"/api/entries/{canary['refused']}")
        granted = _ok(client.post("/api/auth/step-up", json={"password": password, "action": "export"}))
        client.post("/api/exports", headers={"X-Step-Up": granted["token"]}).read()


def _setup_token(root: Path) -> str:
    log = (root / "log.txt").read_text(encoding="utf-8")
    return log.partition("#setup=")[2].split()[0]


def _ok(answer: httpx.Response) -> Any:  # Any: JSON
    if answer.is_error:
        message = f"{answer.request.method} {answer.request.url.path}: {answer.status_code} {answer.text}"
        raise RuntimeError(message)
    return answer.json() if answer.content else None


def _client(url: str, agent: str = "leakcheck") -> httpx.Client:
    return httpx.Client(base_url=url, timeout=30, headers={"User-Agent": agent})


@contextmanager
def server(root: Path) -> Iterator[tuple[str, dict[str, str]]]:
    """A real server process with everything of it below `root`: data, key, log and temporary files."""
    environment = _environment(root)
    with (root / "log.txt").open("ab") as log:
        process = subprocess.Popen([sys.executable, "-m", "timos", "serve"], env=environment, stdout=log, stderr=log, cwd=root)
        url = f"http://localhost:{environment['TIMOS_PORT']}"
        try:
            _wait_until_ready(url, process)
            yield url, environment
        finally:
            process.terminate()
            process.wait(timeout=START_SECONDS)


def _environment(root: Path) -> dict[str, str]:
    (root / "tmp").mkdir(exist_ok=True)
    keep = {name: value for name, value in os.environ.items() if not name.startswith("TIMOS_")}
    with closing(socket.socket()) as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    return keep | {
        "TIMOS_DATA_DIR": str(root / "data"),
        "TIMOS_MASTER_KEY": f"file:{root / 'key' / 'master.json'}",
        "TIMOS_PORT": str(port),
        "TIMOS_REGISTRATION": "open",
        "TIMOS_ARGON2_MEMORY_KIB": "64",
        "TIMOS_LOG_LEVEL": "debug",
        "TIMOS_SIGN_UPS_PER_HOUR": "1000",
        "TMPDIR": str(root / "tmp"),
        "HOME": str(root),
    }


def _wait_until_ready(url: str, process: "subprocess.Popen[bytes]") -> None:
    until = time.monotonic() + START_SECONDS
    while time.monotonic() < until and process.poll() is None:
        try:
            if httpx.get(f"{url}/readyz", timeout=1).is_success:
                return
        except httpx.TransportError:
            time.sleep(0.05)
    message = "The server for the leak check did not start."
    raise RuntimeError(message)


def _command(root: Path, *arguments: str) -> "subprocess.CompletedProcess[bytes]":
    environment = _environment(root)
    done = subprocess.run(
        [sys.executable, "-m", "timos", *arguments], env=environment, capture_output=True, cwd=root, check=False, timeout=120
    )
    with (root / "log.txt").open("ab") as log:
        log.write(done.stdout + done.stderr)
    return done


def _copy_while_running(root: Path) -> None:
    """The files as a thief of a running machine would find them, write-ahead logs included."""
    (root / "stolen").mkdir()
    for path in (root / "data").iterdir():
        shutil.copyfile(path, root / "stolen" / path.name)


# ── checking ─────────────────────────────────────────────────────────────────────────────────────────────────────────


def _search(root: Path, canaries: Mapping[str, str], report: Report) -> None:
    needles = {needle: name for name, text in canaries.items() for needle in spellings(text)}
    report.needles = len(needles)
    for path in sorted(path for path in root.rglob("*") if path.is_file()):
        content = path.read_bytes()
        report.files += 1
        report.size_bytes += len(content)
        report.leaks += sorted({f"{name} is readable in {path.relative_to(root)}" for needle, name in needles.items() if needle in content})
    report.checks.append("no canary in databases, logs, backups and temporary files")


def _vaults(root: Path) -> list[bytes]:
    with closing(sqlite3.connect(root / "data" / "vault.db")) as connection:
        return [vault for (vault,) in connection.execute("SELECT vault_id FROM vault_gates")]


def _order_is_random(root: Path, order: list[bytes], report: Report) -> None:
    with closing(sqlite3.connect(root / "data" / "vault.db")) as connection:
        for table in ("vault_gates", "daily_entries", "feels_entries"):
            first = dict(connection.execute(f"SELECT vault_id, min(rowid) FROM {table} GROUP BY vault_id"))
            rowids = [first[vault] for vault in order if vault in first]
            if rowids in (sorted(rowids), sorted(rowids, reverse=True)):
                report.leaks.append(f"the rows of {table} lie in the order of sign-up")
    report.checks.append("the order of rows tells nothing")


def _databases_share_nothing(root: Path, report: Report) -> None:
    platform, vault = (_values(root / "data" / name) for name in ("platform.db", "vault.db"))
    shared = platform.keys() & vault.keys()
    report.leaks += sorted(f"{platform[value]} and {vault[value]} hold the same value" for value in shared)
    files = {name: (root / "data" / f"{name}.db").read_bytes() for name in ("platform", "vault")}
    report.leaks += sorted({f"a value of {where} lies in vault.db" for value, where in platform.items() if value in files["vault"]})
    report.leaks += sorted({f"a value of {where} lies in platform.db" for value, where in vault.items() if value in files["platform"]})
    report.checks.append("no value is in both databases")


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
                    if isinstance(raw, bytes) and len(raw) >= SHORTEST_LINK and column != "ref":
                        found[raw] = f"{table}.{column}"
    return found


def _refuses_without_key(root: Path, report: Report) -> None:
    key = root / "key" / "master.json"
    away = key.with_name("away.json")
    key.rename(away)
    if _command(root, "doctor").returncode == 0:
        report.leaks.append("the instance opens without its master key")
    away.rename(key)
    report.checks.append("without the master key nothing opens")
