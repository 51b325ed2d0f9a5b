"""`kill -9` in the middle of work. What was acknowledged is there afterwards, whole; what was not is there whole or not at all.

Against a real server the moment is random: after so many acknowledgements, and some microseconds more. Founding and erasing are
killed at every line of theirs instead, in a child process: there the moments that matter are too short to be met by chance.
"""

import asyncio
import json
import os
import secrets
import shutil
import signal
import sqlite3
import sys
from collections.abc import Awaitable, Callable, Iterable, Iterator
from contextlib import closing, suppress
from dataclasses import dataclass, field
from hashlib import sha256
from pathlib import Path
from types import FrameType
from typing import Any

import httpx
import pytest

from tests.support import PASSWORD, Clock, Person, Server, Story, World, numbers, server_in, settings_in, world_in
from timos.cli.local import places_of
from timos.kernel.db.sqlite import SqliteDatabase
from timos.kernel.errors import NotFoundError
from timos.lifecycle import erase, health, ledgers, signup
from timos.lifecycle.instance import Instance, open_instance
from timos.platform.accounts.account import Role
from timos.vault.tables import TABLES

pytestmark = pytest.mark.slow

ROUNDS = 5
USERS, WORKERS = 3, 4  # eight requests at once are what one user may have under way
DAYS = [f"2025-{month:02}-{day:02}" for month in (3, 4) for day in range(1, 29)]
NOTES_DAY = "2025-05-05"  # every worker adds notes here
MOST_WRITES = 250  # before the kill, drawn for each round
LAST_MICROSECONDS = 5000  # between the last acknowledgement and the kill
ISSUER = "http://localhost:8000"  # of the tokens, which outlive a restart on another port


# ── the ledger ───────────────────────────────────────────────────────────────────────────────────────────────────────


def hash_of(document: dict[str, Any] | None) -> str:
    return sha256(json.dumps(document, sort_keys=True).encode()).hexdigest() if document else "nothing"


@dataclass(slots=True)
class Line:
    """One day of one user, written by one worker alone: its attempts have an order.

    `acknowledged` is the hash and tag of the last write that was answered. `attempted` was sent after it and not answered; a worker
    stops there, so it is one at most.
    """

    acknowledged: tuple[str, str] = ("nothing", "")
    attempted: str | None = None


@dataclass(slots=True)
class Journal:
    """What a user was told."""

    person: Person
    lines: dict[str, Line] = field(default_factory=lambda: {day: Line() for day in DAYS})
    noted: set[str] = field(default_factory=set)
    tried_notes: dict[str, str] = field(default_factory=dict)  # text → idempotency key


async def _entries(person: Person) -> dict[str, Any]:
    answer = await person.call("GET", "/api/entries?from=2025-03-01&to=2025-05-31&limit=100")
    assert answer.status_code == httpx.codes.OK, answer.text
    assert answer.json()["unreadable"] == [], "a record is torn"
    assert answer.json()["next"] is None
    return {item["id"]: item for item in answer.json()["items"]}


async def _reconcile(journal: Journal) -> None:
    """Hold what is stored against what was acknowledged; afterwards the stored state is the acknowledged one."""
    stored = await _entries(journal.person)
    notes = stored.pop(NOTES_DAY, {"document": {"notes": []}})["document"]["notes"]
    assert stored.keys() <= journal.lines.keys()
    for day, line in journal.lines.items():
        item = stored.get(day)
        found = (hash_of(item["document"]), item["etag"]) if item else ("nothing", "")
        if found != line.acknowledged:
            assert found[0] == line.attempted, f"{day} is neither what was acknowledged nor what was attempted after it"
        line.acknowledged, line.attempted = found, None
    texts = [note["text"] for note in notes]
    assert len(texts) == len(set(texts)), "a note is there twice"
    assert journal.noted <= set(texts), "an acknowledged note is lost"
    assert set(texts) <= journal.tried_notes.keys()
    for text in journal.tried_notes.keys() - set(texts):
        await _note(journal, text)  # the answer was lost with the server: the client sends it again, under the same key
    for text in texts[:3]:
        await _note(journal, text)  # and also what had been stored
    again = (await _entries(journal.person)).get(NOTES_DAY, {"document": {"notes": []}})["document"]["notes"]
    assert sorted(note["text"] for note in again) == sorted(journal.tried_notes)


# ── the load ─────────────────────────────────────────────────────────────────────────────────────────────────────────


async def _write(journal: Journal, day: str) -> None:
    """One attempt: a new text, a changed one, or a deletion."""
    line = journal.lines[day]
    before = line.acknowledged
    path = f"/api/entries/{day}"
    if before[1] and secrets.randbelow(8) == 0:
        line.attempted = "nothing"
        answer = await journal.person.call("DELETE", path, headers={"If-Match": before[1]})
        assert answer.status_code == httpx.codes.NO_CONTENT, answer.text
        line.acknowledged = ("nothing", "")
    else:
        body = {"title": secrets.token_hex(4), "body": secrets.token_hex(secrets.choice((50, 700, 9000)))}
        line.attempted = hash_of(_whole(day, body))
        answer = await journal.person.call("PUT", path, body, headers={"If-Match": before[1]} if before[1] else {})
        assert answer.is_success, answer.text
        line.acknowledged = (hash_of(answer.json()["document"]), answer.json()["etag"])
        assert line.acknowledged[0] == line.attempted
    line.attempted = None


def _whole(day: str, body: dict[str, str]) -> dict[str, Any]:
    """The document as it will be stored: every field is there."""
    empty = {"completed": False, "notes": [], "pillars": [], "place": None, "source": None, "tags": [], "weather": None}
    return {**empty, "day": day, **body}


async def _note(journal: Journal, text: str) -> None:
    key = journal.tried_notes.setdefault(text, secrets.token_hex(8))
    answer = await journal.person.call("POST", f"/api/entries/{NOTES_DAY}/notes", {"text": text}, headers={"Idempotency-Key": key})
    assert answer.is_success, answer.text
    journal.noted.add(text)


async def _work(journal: Journal, days: list[str], acknowledge: Callable[[], None]) -> None:
    """Until the server is gone."""
    with suppress(httpx.TransportError):
        for number in range(10 * MOST_WRITES):
            if number % 12 == 11 and len(journal.tried_notes) < 100:
                await _note(journal, secrets.token_hex(8))
            else:
                await _write(journal, secrets.choice(days))
            acknowledge()


async def _load_and_kill(server: Server, journals: list[Journal]) -> int:
    left = 1 + secrets.randbelow(MOST_WRITES)
    total = 0

    def acknowledge() -> None:
        nonlocal left, total
        left -= 1
        total += 1
        if left == 0:
            delay = secrets.randbelow(LAST_MICROSECONDS) / 1e6
            asyncio.get_running_loop().call_later(delay, server.process.kill)

    await asyncio.gather(
        *(_work(journal, DAYS[worker::WORKERS], acknowledge) for journal in journals for worker in range(WORKERS)),
    )
    assert server.process.wait() == -signal.SIGKILL
    return total


def test_what_was_acknowledged_survives_kill_9_whole(template: Path, tmp_path: Path) -> None:
    tokens: list[Any] = []
    journals: list[Journal] = []

    async def live(server: Server, *, is_last: bool) -> None:
        async with httpx.AsyncClient(base_url=server.url, timeout=30) as client:
            if not tokens:
                tokens.extend([await _sign_up(client, f"u{number}") for number in range(USERS)])
                journals.extend(Journal(Person(client, "", token)) for token in tokens)
            for journal in journals:
                journal.person.client = client
                await _reconcile(journal)
            if not is_last:
                assert await _load_and_kill(server, journals) > 0

    for number in range(ROUNDS + 1):
        with server_in(tmp_path, template=template, TIMOS_PUBLIC_URL=ISSUER) as server:
            asyncio.run(live(server, is_last=number == ROUNDS))
            if number == ROUNDS:
                doctor = server.command("doctor")
                assert doctor.returncode == 0, doctor.stdout + doctor.stderr
    assert sum(line.acknowledged[0] != "nothing" for journal in journals for line in journal.lines.values()) > USERS


async def _sign_up(client: httpx.AsyncClient, name: str) -> Any:
    body = {"address": f"{name}@example.org", "password": PASSWORD, "kind": "bearer"}
    answer = await client.post("/api/auth/signup", json=body)
    assert answer.status_code == httpx.codes.CREATED, answer.text
    return answer.json()


# ── import ───────────────────────────────────────────────────────────────────────────────────────────────────────────

IMPORTED = 28 * 12 * 3


def test_an_import_killed_in_the_middle_keeps_what_it_reported_and_can_be_repeated(template: Path, tmp_path: Path) -> None:
    days = [f"{year}-{month:02}-{day:02}" for year in range(1660, 1663) for month in range(1, 13) for day in range(1, 29)]
    texts = {day: secrets.token_hex(400) for day in days}
    raw = "".join(json.dumps({"date": day, "text": text}) + "\n" for day, text in texts.items()).encode()
    steps_before_kill = 1 + secrets.randbelow(10)

    with server_in(tmp_path, template=template, TIMOS_PUBLIC_URL=ISSUER) as server:
        tokens = asyncio.run(_with_client(server, lambda client: _sign_up(client, "importer")))
        headers = {"authorization": f"Bearer {tokens['access_token']}"}
        reported = _import_and_kill(server, headers, raw, steps_before_kill)
        assert server.process.wait() == -signal.SIGKILL

    with server_in(tmp_path, TIMOS_PUBLIC_URL=ISSUER) as server, httpx.Client(base_url=server.url, headers=headers, timeout=60) as client:
        stored = dict(_all_bodies(client))
        assert len(stored) < IMPORTED, "the kill came too late to tell anything"
        assert set(days[:reported]) <= stored.keys(), "the progress had told of more"
        assert all(texts[day] == body for day, body in stored.items())
        answer = client.post("/api/imports?format=jsonl", content=raw, headers={"content-type": "application/x-ndjson"})
        report = answer.json()["report"]
        assert (report["same"], report["new"], report["conflict"], report["refused"]) == (len(stored), IMPORTED - len(stored), 0, 0)
        assert dict(_all_bodies(client)) == texts


def _import_and_kill(server: Server, headers: dict[str, str], raw: bytes, steps: int) -> int:
    """Records that the progress had reported when the server was killed."""
    reported = 0
    more = {"content-type": "application/x-ndjson", "accept": "application/x-ndjson"}
    with (
        suppress(httpx.TransportError),
        httpx.Client(base_url=server.url, headers=headers, timeout=60) as client,
        client.stream("POST", "/api/imports?format=jsonl", content=raw, headers=more) as answer,
    ):
        for number, line in enumerate(answer.iter_lines(), 1):
            told = json.loads(line)
            assert "report" not in told, "the import ended before the kill"
            reported = told["done"]
            if number == steps:
                server.process.kill()
    return reported


async def _with_client(server: Server, work: Callable[[httpx.AsyncClient], Awaitable[Any]]) -> Any:
    async with httpx.AsyncClient(base_url=server.url, timeout=30) as client:
        return await work(client)


def _all_bodies(client: httpx.Client) -> Iterator[tuple[str, str]]:
    cursor = ""
    while True:
        answer = client.get(f"/api/entries?limit=100{cursor}").json()
        assert answer["unreadable"] == []
        yield from ((item["id"], item["document"]["body"]) for item in answer["items"])
        if answer["next"] is None:
            return
        cursor = f"&cursor={answer['next']}"


# ── killed at every line ─────────────────────────────────────────────────────────────────────────────────────────────

PACKAGE = str(Path(health.__file__).parents[1])
FEWEST_LINES, MOST_LINES = 40, 400


def is_killed(work: Callable[[], None]) -> bool:
    """Run `work` in a child process. False when it ended of itself."""
    child = os.fork()
    if child == 0:
        code = 1
        try:
            work()
            code = 0
        finally:
            os._exit(code)
    _, status = os.waitpid(child, 0)
    if os.WIFSIGNALED(status):
        assert os.WTERMSIG(status) == signal.SIGKILL
        return True
    assert os.waitstatus_to_exitcode(status) == 0, "the work failed of itself"
    return False


def kill_myself() -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def kill_at(line: int, files: frozenset[str], work: Callable[[], None]) -> bool:
    """Run `work` in a child that kills itself as it reaches the `line`-th different line of those files (its commit threads may be
    anywhere then). False when the work was done before that.
    """

    def traced() -> None:
        sys.settrace(_killer(line, files))
        work()

    return is_killed(traced)


def _killer(line: int, files: frozenset[str]) -> Callable[[FrameType, str, Any], Any]:
    seen: set[tuple[str, int]] = set()

    def trace(frame: FrameType, event: str, argument: Any) -> Any:
        file = frame.f_code.co_filename.removeprefix(PACKAGE)
        if file not in files:
            return None
        if event == "line":
            seen.add((file, frame.f_lineno))
            if len(seen) == line:
                kill_myself()
        return trace

    return trace


def kills(
    files: frozenset[str], folder: Path, work: Callable[[Path], None], prepare: Callable[[Path], None], *, step: int
) -> Iterator[Path]:
    """A folder for each moment: prepared, and then the work in it killed there."""
    for line in range(1, MOST_LINES, step):
        place = folder / str(line)
        prepare(place)
        if not kill_at(line, files, lambda place=place: work(place)):  # type: ignore[misc]  # bound early, as loops need it
            assert line > FEWEST_LINES, "the work was hardly looked at"
            return
        yield place
        shutil.rmtree(place)
    raise AssertionError("The work has no end.")


async def _opened(folder: Path, work: Callable[[Instance], Awaitable[None]]) -> None:
    instance = await open_instance(places_of(settings_in(folder)), numbers(), clock=Clock(), is_server=True)
    try:
        await work(instance)
    finally:
        await instance.close()


async def _is_healthy(instance: Instance) -> None:
    assert [finding for finding in await health.examine(instance) if not finding.is_good] == []


async def _make_account(instance: Instance) -> None:
    await signup.create(instance, address=SAM, password=PASSWORD, name="Sam", role=Role.ADMIN)
    await _is_healthy(instance)


def run(folder: Path, work: Callable[[Instance], Awaitable[None]]) -> None:
    asyncio.run(_opened(folder, work))


# ── commits ──────────────────────────────────────────────────────────────────────────────────────────────────────────


def _write_and_report(folder: Path, tokens: Any, pipe: int, *, fatal_commit: int) -> None:
    """Eight writers at once; each acknowledgement goes into the pipe. The process dies as the vault's n-th COMMIT is about to begin."""
    commits = 0

    def count(statement: str) -> None:
        nonlocal commits
        commits += statement == "COMMIT"
        if commits == fatal_commit:
            kill_myself()

    async def write(person: Person, days: list[str]) -> None:
        for day in days:
            answer = await person.call("PUT", f"/api/entries/{day}", {"body": day * 50})
            os.write(pipe, f"{day} {answer.headers['etag']}\n".encode())

    async def told() -> None:
        async with world_in(folder, template=None) as world:
            database = world.instance.vault
            assert isinstance(database, SqliteDatabase)
            database._writer.set_trace_callback(count)
            person = Person(world.client, SAM, tokens)
            await asyncio.gather(*(write(person, DAYS[worker::8]) for worker in range(8)))

    asyncio.run(told())


@pytest.mark.parametrize("commit", [1, 2, 3, 5])
def test_nothing_is_acknowledged_before_its_commit_has_ended(tmp_path: Path, commit: int) -> None:
    run(tmp_path, _make_account)
    tokens: list[Any] = []

    async def sign_in(world: World) -> None:
        tokens.append((await _signed_in(world)).tokens)

    after_start(tmp_path, sign_in)
    source, pipe = os.pipe()
    assert is_killed(lambda: _write_and_report(tmp_path, tokens[0], pipe, fatal_commit=commit))
    os.close(pipe)
    with os.fdopen(source, encoding="ascii") as lines:
        acknowledged = dict(line.split() for line in lines)

    async def compare(world: World) -> None:
        stored = await _entries(await _signed_in(world))
        assert all(item["document"]["body"] == day * 50 for day, item in stored.items())
        assert acknowledged.items() <= {day: item["etag"] for day, item in stored.items()}.items()
        assert len(stored) < len(DAYS), "the kill came too late to tell anything"

    after_start(tmp_path, compare)
    assert bool(acknowledged) == (commit > 1)


# ── founding ─────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_a_founding_killed_at_any_line_is_begun_anew_by_the_next_start(tmp_path: Path) -> None:
    founding = ("claiming", "founding", "pair", "places", "upgrading")
    files = frozenset({*(f"/lifecycle/founding/{name}.py" for name in founding), "/crypto/kms/local.py", "/lifecycle/instance.py"})
    for folder in kills(files, tmp_path, lambda place: run(place, _is_healthy), Path.mkdir, step=3):
        run(folder, _make_account)
        assert [path.name for path in (folder / "key").iterdir()] == ["master.json"]


# ── sign-up and erasing ──────────────────────────────────────────────────────────────────────────────────────────────

WRITTEN = [f"2025-06-{day:02}" for day in range(1, 21)]
SAM = "sam@example.org"


async def _sam(instance: Instance) -> bytes:
    account = await instance.accounts.by_address(SAM)
    if account is None:
        raise NotFoundError
    return account.id


async def _erase_sam(instance: Instance) -> None:
    await erase.erase(instance, await _sam(instance))


async def _login(world: World) -> httpx.Response:
    return await world.client.post("/api/auth/login", json={"address": SAM, "password": PASSWORD, "kind": "bearer"})


async def _write_days(world: World) -> None:
    person = await _signed_in(world)
    for day in WRITTEN:
        answer = await person.call("PUT", f"/api/entries/{day}", {"body": day * 50})
        assert answer.status_code == httpx.codes.CREATED, answer.text


async def _signed_in(world: World) -> Person:
    answer = await _login(world)
    assert answer.status_code == httpx.codes.OK, answer.text
    return Person(world.client, SAM, answer.json())


def after_start(folder: Path, story: Story) -> None:
    """The next start, which finishes what was begun, and then the story."""

    async def told() -> None:
        async with world_in(folder, template=None) as world:
            await ledgers.require_complete(world.instance)
            await erase.finish_begun(world.instance)
            await _is_healthy(world.instance)
            await story(world)

    asyncio.run(told())


async def _is_all_there(world: World) -> None:
    answer = await (await _signed_in(world)).call("GET", "/api/entries?from=2025-06-01&to=2025-06-30")
    assert {item["id"]: item["document"]["body"] for item in answer.json()["items"]} == {day: day * 50 for day in WRITTEN}


async def _is_all_gone(world: World) -> None:
    assert (await _login(world)).status_code == httpx.codes.UNAUTHORIZED
    assert len(await world.instance.ledger.entries()) == 1
    assert len(world.places.ledger.read_text(encoding="utf-8").splitlines()) == 1


def _rows(folder: Path, database: str, tables: Iterable[str]) -> int:
    with closing(sqlite3.connect(folder / "data" / database)) as connection:
        return sum(connection.execute(f"SELECT count(*) FROM {table}").fetchone()[0] for table in tables)  # noqa: S608 (our own names)


def _of_users(folder: Path) -> int:
    return _rows(folder, "vault.db", [*TABLES, "vault_gates"]) + _rows(folder, "platform.db", ["users", "user_deks", "auth_sessions"])


def test_an_erasure_killed_at_any_line_is_finished_by_the_next_start_or_had_not_begun(tmp_path: Path) -> None:
    files = frozenset({"/lifecycle/erase.py", "/lifecycle/ledgers.py", "/vault/gates.py"})
    base = tmp_path / "base"
    run(base, _make_account)
    after_start(base, _write_days)
    outcomes = set()
    for folder in kills(files, tmp_path, lambda place: run(place, _erase_sam), lambda place: _copy(base, place), step=2):
        has_begun = _status_of_sam(folder) != "active"
        outcomes.add(has_begun)
        after_start(folder, _is_all_gone if has_begun else _is_all_there)
        if has_begun:
            assert _of_users(folder) == 0
    assert outcomes == {True, False}


def _copy(base: Path, place: Path) -> None:
    shutil.copytree(base, place)


def _status_of_sam(folder: Path) -> str | None:
    """As the killed process left it."""
    with closing(sqlite3.connect(folder / "data" / "platform.db")) as connection:
        row = connection.execute("SELECT status FROM users").fetchone()
    return row[0] if row else None


def test_a_sign_up_killed_at_any_line_made_the_account_whole_or_left_the_address_free(template: Path, tmp_path: Path) -> None:
    files = frozenset(
        {
            "/lifecycle/signup.py",
            "/platform/accounts/accounts.py",
            "/platform/accounts/user_rows.py",
            "/platform/keyring.py",
            "/vault/gates.py",
        }
    )

    async def sign_up_after(world: World) -> None:
        if (await _login(world)).is_error:
            await _make_account(world.instance)
        answer = await (await _signed_in(world)).call("PUT", f"/api/entries/{WRITTEN[0]}", {"body": "here"})
        assert answer.status_code == httpx.codes.CREATED, answer.text

    for folder in kills(files, tmp_path, lambda place: run(place, _make_account), lambda place: _copy(template, place), step=4):
        after_start(folder, sign_up_after)
