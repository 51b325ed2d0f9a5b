"""`timos leakcheck`: a whole instance in a folder of its own, canaries written through everything, then a search for them in every byte.

It checks that
- no text, number, day, week, address, name, password, token or device of a user is readable in a database, a write-ahead log, a backup,
  the log output or a temporary file, in any of the usual spellings, compressed or not; ids of users and sessions are nowhere but in
  the platform's files, ids of records nowhere;
- the server leaves no temporary file, and holds none open that is not to be seen;
- no stored value joins the two databases, and the order of rows in the vault does not follow the order of sign-up;
- what was erased is in no file any more, while the server still runs;
- without the master key the instance does not open, and with a foreign one neither.
"""

import base64
import io
import json
import os
import secrets
import shutil
import socket
import sqlite3
import subprocess
import sys
import tempfile
import time
import zipfile
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path
from typing import Any

import httpx

from timos.cli.exits import ExitCode
from timos.cli.leaksearch import Canary, leaks_in

USERS = 12  # 12! orders: a vault whose rows follow the sign-ups is no accident
DAY, IMPORT_DAY, NOTE_DAY = date(1066, 10, 14), date(1066, 12, 25), date(1067, 1, 6)  # days that no program writes by itself
WEEK = "1066-W41"  # of DAY
START_SECONDS = 30
SHORTEST_LINK = 12  # bytes; shorter values are equal by accident
PLATFORM_FILES = ("platform.db*", "keys.json")  # the wrapped keys of a backup name their users, too
VAULT_FILES = ("vault.db*",)
TERMINAL = "log.txt"  # output of the server and of commands


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


@dataclass(slots=True)
class Words:
    """The canaries of this run: a new text each time it is asked, remembered under its name."""

    canaries: list[Canary] = field(default_factory=list)

    def new(self, name: str) -> str:
        """Lower case and digits, so that it may stand in an address, a header or a path."""
        return self.add(name, f"canary{name.replace(' ', '')}{secrets.token_hex(8)}")

    def add(self, name: str, text: str, *allowed: str) -> str:
        self.canaries.append(Canary.of_text(name, text, *allowed))
        return text

    def add_id(self, name: str, text: str, *allowed: str) -> None:
        """An id: its 16 bytes, and its text, which is their base64."""
        self.canaries.append(Canary.of_bytes(name, base64.urlsafe_b64decode(f"{text}=="), *allowed))


def run() -> Report:
    """Takes some seconds; leaves nothing behind."""
    report = Report()
    with tempfile.TemporaryDirectory(prefix="timos-leakcheck-") as folder:
        root = Path(folder)
        search(root, _write_through(root, report), report)
        _left_nothing(root, report)
        _opens_with_its_key_only(root, report)
    return report


def search(root: Path, canaries: Sequence[Canary], report: Report) -> None:
    """Every file below `root`."""
    report.needles = sum(len(canary.spellings) for canary in canaries)
    for path in sorted(path for path in root.rglob("*") if path.is_file()):
        content = path.read_bytes()
        report.files += 1
        report.size_bytes += len(content)
        report.leaks += sorted(f"{name} is readable in {path.relative_to(root)}" for name in leaks_in(content, path.name, canaries))
    report.checks.append("no canary in databases, logs, backups and temporary files")


# ── writing ──────────────────────────────────────────────────────────────────────────────────────────────────────────


def _write_through(root: Path, report: Report) -> list[Canary]:
    words = Words()
    words.canaries += [Canary.of_day("a day", DAY), Canary.of_day("an imported day", IMPORT_DAY), Canary.of_day("a note's day", NOTE_DAY)]
    words.canaries.append(Canary.of_text("a week", WEEK))
    password = words.add("a password", f"canary passphrase {secrets.token_hex(8)}")
    order: list[bytes] = []
    with _server(root) as server:
        token: str | None = words.add("the setup token", _setup_token(root), TERMINAL)
        for number in range(USERS):
            address = words.add(f"address {number}", f"canary.{secrets.token_hex(6)}@example.org")
            with _signed_up(server.url, words, address, password, token=token) as client:
                _write_days(client, words)
                if number == 0:
                    _use_everything(client, words, password, address)
            order += [vault for vault in _vaults(root) if vault not in order]
            token = None
        words.canaries += [Canary.of_bytes("a vault id", vault, *VAULT_FILES) for vault in order]
        _order_is_random(root, order, report)
        _erase_one(root, server.url, words, password, report)
        _copy_while_running(root)
        _databases_share_nothing(root / "data", root / "stolen", report)
        _holds_no_hidden_file(server.process.pid, report)
        _command(root, "backup", "create", str(root / "backup"))
    return words.canaries


@contextmanager
def _signed_up(url: str, words: Words, address: str, password: str, *, token: str | None = None) -> Iterator[httpx.Client]:
    body = {"address": address, "password": password, "name": words.new("name"), "token": token, "kind": "bearer"}
    with _client(url, agent=words.new("device")) as client:
        answer = _ok(client.post("/api/auth/signup", json=body))
        _bear(client, words, answer)
        words.add_id("a user id", answer["user"]["id"], *PLATFORM_FILES)
        for session in _ok(client.get("/api/auth/sessions"))["items"]:
            words.add_id("a session id", session["id"], *PLATFORM_FILES)
        yield client


def _bear(client: httpx.Client, words: Words, answer: Any) -> None:  # Any: JSON
    client.headers["Authorization"] = f"Bearer {answer['access_token']}"
    for part in answer["access_token"].split(".")[1:]:
        words.add("an access token", part)
    words.add("a refresh token", answer["refresh_token"])


def _write_days(client: httpx.Client, words: Words) -> None:
    body = {"title": words.new("title"), "body": words.new("body") + " " + "x" * 3000, "tags": [words.new("tag")]}
    _ok(client.put(f"/api/entries/{DAY}", json=body))
    _ok(client.put(f"/api/feels/{DAY}/morning", json={"avoiding": words.new("feels")}))


def _use_everything(client: httpx.Client, words: Words, password: str, address: str) -> None:
    """What a user can do, each with a canary; some of it is refused, which must not be told either."""
    valence = secrets.randbelow(10**15) / 10**15
    words.canaries.append(Canary.of_number("a number", valence))
    headers = {"Idempotency-Key": words.new("key")}
    _ok(client.post(f"/api/entries/{DAY}/notes", json={"text": words.new("note")}, headers=headers))
    _ok(client.put(f"/api/feels/{DAY}/evening", json={"honest_note": words.new("evening")}))
    _go_round_the_loop(client, words)
    _ok(client.patch(f"/api/feels/{DAY}/morning", json={"valence": valence}))
    _ok(client.put("/api/preferences", json={"prompts": [words.new("prompt")]}))
    lines = json.dumps({"date": IMPORT_DAY.isoformat(), "text": words.new("import")})
    _ok(client.post("/api/imports", params={"format": "jsonl"}, content=lines, headers={"Content-Type": "application/x-ndjson"}))
    _ok(client.delete(f"/api/entries/{IMPORT_DAY}"))
    _import_folder(client, words)
    _ok(client.post("/api/search", json={"query": words.new("search")}))
    _ok(client.get("/api/today", params={"day": DAY.isoformat()}))
    _ok(client.patch("/api/auth/profile", json={"name": words.new("second name")}))
    _be_refused(client, words)
    granted = _ok(client.post("/api/auth/step-up", json={"password": password, "action": "export"}))
    words.add("a step-up token", granted["token"])
    client.post("/api/exports", headers={"X-Step-Up": granted["token"]}).read()
    changed = words.add("a new password", f"canary second passphrase {secrets.token_hex(8)}")
    _bear(client, words, _ok(client.post("/api/auth/password", json={"current_password": password, "new_password": changed})))
    with _client(str(client.base_url), agent=words.new("browser")) as browser:
        answer = _ok(browser.post("/api/auth/login", json={"address": address, "password": changed, "kind": "cookie"}))
        words.add("a CSRF token", answer["csrf_token"])
        for name, value in browser.cookies.items():
            words.add(f"cookie {name}", value)


def _import_folder(client: httpx.Client, words: Words) -> None:
    """Markdown notes: what the files are called is the user's too, whether it is taken or refused; and what is undone is gone."""
    packed = io.BytesIO()
    folder = words.new("folder")
    with zipfile.ZipFile(packed, "w") as archive:
        archive.writestr(f"{folder}/{NOTE_DAY}.md", f"# {words.new('heading')}\n\n{words.new('page')} #{words.new('hashtag')}\n")
        archive.writestr(f"{folder}/{words.new('file')}.md", words.new("undated page"))
    sent: Any = {"content": packed.getvalue(), "headers": {"Content-Type": "application/zip"}}  # Any: keyword arguments
    _ok(client.post("/api/imports", params={"format": "markdown", "dry_run": "true"}, **sent))
    batch = _ok(client.post("/api/imports", params={"format": "markdown"}, **sent))["report"]["batch"]
    words.add_id("an import's id", batch)
    _ok(client.get("/api/imports"))
    _ok(client.delete(f"/api/imports/{batch}"))


def _go_round_the_loop(client: httpx.Client, words: Words) -> None:
    """Pillars, habits, moods and the week: names, notes and ids of each, also where an address holds them."""
    measured = {"purpose": words.new("purpose"), "target_text": words.new("target"), "unit": words.new("unit")[:32]}
    pillar = _made(client, words, "pillar", **measured)
    _ok(client.patch(f"/api/pillars/{pillar}", json={"name": words.new("second pillar name")}))
    _ok(client.patch(f"/api/entries/{DAY}", json={"pillars": [{"pillar": pillar, "note": words.new("pillar note")}]}))
    habit, mood = _made(client, words, "habit"), _made(client, words, "mood")
    _ok(client.put(f"/api/habits/{habit}/days/{DAY}", json={"note": words.new("tick")}))
    _ok(client.delete(f"/api/habits/{habit}/days/{DAY}"))
    _ok(client.put(f"/api/habits/{habit}/days/{DAY}", json={"note": words.new("second tick")}))
    _ok(client.put(f"/api/pillars/scores/{DAY}", json={"scores": {pillar: {"value": 7, "note": words.new("score")}}}))
    logged = {"mood": mood, "day": DAY.isoformat(), "note": words.new("mood log"), "tags": [words.new("mood tag")]}
    _ok(client.post("/api/moods/log", json=logged))
    recap = {
        "highlights": [words.new("highlight")],
        "corrections": [{"text": words.new("correction")}],
        "reflection": words.new("reflection"),
    }
    _ok(client.put(f"/api/weekly/{WEEK}", json=recap))
    _ok(client.post(f"/api/weekly/{WEEK}/complete"))
    for path in (f"pillars/{pillar}", f"habits/{habit}", f"moods/{mood}"):
        _ok(client.post(f"/api/{path}/archive"))
        _ok(client.post(f"/api/{path}/restore"))
    for path, record_id in (("pillars", pillar), ("habits", habit)):
        _ok(client.put(f"/api/{path}/order", json={"ids": [_made(client, words, path.removesuffix("s")), record_id]}))
    _be_refused_in_the_loop(client, words)
    for path in ("/api/today", "/api/insights", "/api/habits/streaks", f"/api/moods/log?from={DAY}&to={DAY}"):
        _ok(client.get(path))


def _made(client: httpx.Client, words: Words, what: str, **more: str) -> str:
    """The id of a new one."""
    made: str = _ok(client.post(f"/api/{what}s", json={"name": words.new(what), **more}))["id"]
    words.add_id(f"the id of a {what}", made)
    return made


def _be_refused_in_the_loop(client: httpx.Client, words: Words) -> None:
    wrong = words.new("refused in the loop")
    client.put(f"/api/pillars/scores/{DAY}", json={"scores": {words.new("unknown pillar"): {"value": 7}}})
    client.post("/api/habits", json={"name": words.new("refused habit"), "schedule": words.new("refused schedule")})
    client.put("/api/pillars/order", json={"ids": [wrong]})
    client.post(f"/api/moods/{wrong}/archive")
    client.delete(f"/api/habits/{wrong}/days/{wrong}")
    client.delete(f"/api/imports/{wrong}")
    client.get(f"/api/weekly/{wrong}")


def _be_refused(client: httpx.Client, words: Words) -> None:
    wrong = words.new("refused")
    client.put(f"/api/entries/{DAY}", json={"title": wrong, "nonsense": wrong})
    client.put(f"/api/entries/{DAY}", json={"title": words.new("conflict")})
    client.put(f"/api/entries/{DAY}", content=f'{{"title": "{wrong}", "title": 1}}', headers={"Content-Type": "application/json"})
    client.get(f"/api/entries/{wrong}")
    client.get("/api/entries", params={"from": wrong, wrong: "1"})
    client.get(f"/{wrong}", headers={"X-Request-Id": wrong, "Origin": f"https://{wrong}.example.org"})
    client.post("/api/auth/login", json={"address": f"{wrong}@example.org", "password": wrong, "kind": "bearer"})
    client.get("/api/auth/session", headers={"Authorization": f"Bearer {wrong}"})


def _erase_one(root: Path, url: str, words: Words, password: str, report: Report) -> None:
    """The rows and wrapped keys of an account are in no file once its erasure was answered."""
    before = _everything(root)
    with _signed_up(url, words, words.add("an erased address", f"canary.{secrets.token_hex(6)}@example.org"), password) as client:
        _write_days(client, words)
        _go_round_the_loop(client, words)
        own = {value: place for value, place in _everything(root).items() if value not in before}
        granted = _ok(client.post("/api/auth/step-up", json={"password": password, "action": "erase"}))
        _ok(client.post("/api/account/erase", json={"phrase": "erase my account"}, headers={"X-Step-Up": granted["token"]}))
    sealed = [
        Canary(f"an erased value of {place}", frozenset({value})) for value, place in own.items() if place.endswith((".sealed", ".edk"))
    ]
    if not sealed:
        raise RuntimeError("The account to be erased had nothing.")
    for path in (root / "data").iterdir():
        report.leaks += sorted(f"{name} is still in {path.name}" for name in leaks_in(path.read_bytes(), path.name, sealed))
    report.checks.append("what was erased is in no file any more")


def _setup_token(root: Path) -> str:
    log = (root / TERMINAL).read_text(encoding="utf-8")
    return log.partition("#setup=")[2].split()[0]


def _ok(answer: httpx.Response) -> Any:  # Any: JSON
    if answer.is_error:
        message = f"{answer.request.method} {answer.request.url.path}: {answer.status_code} {answer.text}"
        raise RuntimeError(message)
    return answer.json() if answer.content else None


def _client(url: str, agent: str = "leakcheck") -> httpx.Client:
    return httpx.Client(base_url=url, timeout=30, headers={"User-Agent": agent})


# ── the server ───────────────────────────────────────────────────────────────────────────────────────────────────────


@dataclass(frozen=True, slots=True)
class _Server:
    url: str
    process: "subprocess.Popen[bytes]"


@contextmanager
def _server(root: Path) -> Iterator[_Server]:
    """A real server process with everything of it below `root`: data, key, log and temporary files."""
    environment = _environment(root)
    with (root / TERMINAL).open("ab") as log:
        process = subprocess.Popen([sys.executable, "-m", "timos", "serve"], env=environment, stdout=log, stderr=log, cwd=root)
        url = f"http://localhost:{environment['TIMOS_PORT']}"
        try:
            _wait_until_ready(url, process)
            yield _Server(url, process)
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
    with _client(url) as client:
        while time.monotonic() < until and process.poll() is None:
            try:
                if client.get("/readyz").is_success:
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
    with (root / TERMINAL).open("ab") as log:
        log.write(done.stdout + done.stderr)
    return done


def _copy_while_running(root: Path) -> None:
    """The files as a thief of a running machine would find them, write-ahead logs included."""
    (root / "stolen").mkdir()
    for path in (root / "data").iterdir():
        shutil.copyfile(path, root / "stolen" / path.name)


# ── checking ─────────────────────────────────────────────────────────────────────────────────────────────────────────


def _vaults(root: Path) -> list[bytes]:
    with closing(sqlite3.connect(root / "data" / "vault.db")) as connection:
        return [vault for (vault,) in connection.execute("SELECT vault_id FROM vault_gates")]


def _order_is_random(root: Path, order: list[bytes], report: Report) -> None:
    with closing(sqlite3.connect(root / "data" / "vault.db")) as connection:
        for table in ("vault_gates", "daily_entries", "feels_entries"):
            first = dict(connection.execute(f"SELECT vault_id, min(rowid) FROM {table} GROUP BY vault_id"))
            rowids = [first[vault] for vault in order]
            if rowids in (sorted(rowids), sorted(rowids, reverse=True)):
                report.leaks.append(f"the rows of {table} lie in the order of sign-up")
    report.checks.append("the order of rows tells nothing")


def _databases_share_nothing(live: Path, stolen: Path, report: Report) -> None:
    """No connection is opened on the stolen files: its end would empty their write-ahead logs before they are searched."""
    platform, vault = (_values(live / name) for name in ("platform.db", "vault.db"))
    shared = platform.keys() & vault.keys()
    report.leaks += sorted(f"{platform[value]} and {vault[value]} hold the same value" for value in shared)
    files = {name: b"".join(path.read_bytes() for path in stolen.glob(f"{name}.db*")) for name in ("platform", "vault")}
    report.leaks += sorted({f"a value of {where} lies in vault.db" for value, where in platform.items() if value in files["vault"]})
    report.leaks += sorted({f"a value of {where} lies in platform.db" for value, where in vault.items() if value in files["platform"]})
    report.checks.append("no value is in both databases")


def _everything(root: Path) -> dict[bytes, str]:
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


def _holds_no_hidden_file(pid: int, report: Report) -> None:
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


def _left_nothing(root: Path, report: Report) -> None:
    left = sorted(str(path.relative_to(root)) for path in (root / "tmp").rglob("*"))
    report.leaks += [f"{name} was left in the temporary folder" for name in left]
    known = {"data", "key", "backup", "stolen", "tmp", TERMINAL}
    report.leaks += sorted(f"{path.name} was made outside of the data folder" for path in root.iterdir() if path.name not in known)
    report.checks.append("no file is left where none belongs")


def _opens_with_its_key_only(root: Path, report: Report) -> None:
    key = root / "key" / "master.json"
    away = key.with_name("away.json")
    if _command(root, "doctor").returncode != ExitCode.OK:
        report.leaks.append("`timos doctor` is not content with the instance, so nothing can be told about its key")
    key.rename(away)
    if _command(root, "doctor").returncode != ExitCode.CANNOT_START:
        report.leaks.append("the instance opens without its master key")
    _make_foreign_key(away, key)
    if _command(root, "doctor").returncode != ExitCode.CANNOT_START:
        report.leaks.append("the instance opens with a foreign master key")
    away.replace(key)
    report.checks.append("without its own master key nothing opens")


def _make_foreign_key(like: Path, path: Path) -> None:
    """A keyfile of the same form and with the same names, but other keys."""
    content = json.loads(like.read_text(encoding="utf-8"))
    content["keys"] = {ref: base64.b64encode(secrets.token_bytes(32)).decode() for ref in content["keys"]}
    path.touch(mode=0o600)
    path.write_text(json.dumps(content), encoding="utf-8")
