"""What servers of databases do in bad hours, and what must hold then: no acknowledged write is lost, no answer is a 500, and nothing of
ours has to be started again.
"""

import asyncio
import secrets
import threading
import time
from collections import Counter
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager, suppress
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import asyncpg
import httpx
import pytest

from tests import databases
from tests.databases import Engine, Engines, Half, Pair
from tests.durability.test_kill import ISSUER, Journal, _load_and_kill, _reconcile, _sign_up
from tests.kernel.test_engines import ADD, ALL, GET, SET, opened
from tests.support import PASSWORD, Person, Template, server_in, world_in
from timos.kernel.db import mysql, pool, postgresql, server
from timos.kernel.db.address import Server, parse
from timos.kernel.db.port import Value
from timos.kernel.db.server import Connection, GivenUpError, ServerDatabase
from timos.kernel.db.statements import Statement
from timos.kernel.errors import DatabaseError, UnavailableError

pytestmark = [pytest.mark.slow, pytest.mark.servers]

ENGINES = ["postgresql", "mariadb"]
QUESTIONS = 10  # more than one note asks of the vault
IMPORTED = 360  # days of one import
ENDLESS_SECONDS = 10.0  # for what is over in one
RECOVERED_SECONDS = 5.0  # from the moment at which the database answers again


# ── kill -9 of the server of TimOS ───────────────────────────────────────────────────────────────────────────────────


@pytest.mark.every_engine("mixed")
def test_what_was_acknowledged_survives_kill_9_of_ours_on_servers(template_on: Template, tmp_path: Path) -> None:
    """The platform on PostgreSQL, the vault on MariaDB; the same ledger as for files."""
    tokens: list[Any] = []
    journals: list[Journal] = []

    async def live(running: Any, *, is_last: bool) -> None:
        async with httpx.AsyncClient(base_url=running.url, timeout=30) as client:
            if not tokens:
                tokens.append(await _sign_up(client, "sam"))
                journals.append(Journal(Person(client, "", tokens[0])))
            for journal in journals:
                journal.person.client = client
                await _reconcile(journal)
            if not is_last:
                assert await _load_and_kill(running, journals) > 0

    with template_on.copied(tmp_path) as urls:
        given = _variables(urls)
        for number in range(3):
            with server_in(tmp_path, template=None, TIMOS_PUBLIC_URL=ISSUER, **given) as running:
                asyncio.run(live(running, is_last=number == 2))


def _variables(urls: dict[str, object]) -> dict[str, str]:
    return {f"TIMOS_{name.upper()}": str(url) for name, url in urls.items()}


# ── kill -9 of the database ──────────────────────────────────────────────────────────────────────────────────────────


@dataclass(slots=True)
class Load:
    """Writers, each on days of its own, that go on whatever they are answered. After an answer that tells of no outcome they read."""

    client: httpx.AsyncClient
    headers: dict[str, str]
    stored: dict[str, str] = field(default_factory=dict)  # day → the text that was acknowledged
    statuses: Counter[int] = field(default_factory=Counter)
    refused: list[httpx.Response] = field(default_factory=list)
    last_good: float = 0.0
    is_over: bool = False

    @property
    def good(self) -> int:
        return sum(self.statuses[status] for status in (200, 201))

    async def write(self, worker: int) -> None:
        for number in range(10_000):
            if self.is_over:
                return
            day = f"19{worker:02}-{1 + number % 12:02}-{1 + number // 12 % 28:02}"
            body = secrets.token_hex(40)
            answer = await self.client.put(f"/api/entries/{day}", json={"body": body}, headers={**self.headers, **await self._match(day)})
            self.statuses[answer.status_code] += 1
            if answer.is_success:
                self.stored[day] = body
                self.last_good = time.monotonic()
            else:
                self.refused.append(answer)
                self.stored.pop(day, None)  # it may have been stored, or the one before may be there still
                await asyncio.sleep(0.02)

    async def _match(self, day: str) -> dict[str, str]:
        return {"If-Match": "*"} if day in self.stored else {}


def test_a_database_that_is_killed_under_load_loses_nothing_acknowledged_and_comes_back_without_us(own: Engine, tmp_path: Path) -> None:
    half = Half(own.name, own)
    (tmp_path / "template").mkdir()
    template = Template.found(Pair(own.name, half, half), tmp_path / "template")
    with template.copied(tmp_path / "copy") as urls, server_in(tmp_path / "copy", template=None, **_variables(urls)) as running:
        asyncio.run(_killed_under_load(own, running.url))
        assert running.process.poll() is None
        assert '"event":"unexpected"' not in running.log


async def _killed_under_load(own: Engine, url: str) -> None:
    async with httpx.AsyncClient(base_url=url, timeout=30) as client:
        body = {"address": "admin@example.org", "password": PASSWORD, "kind": "bearer"}
        tokens = (await client.post("/api/auth/login", json=body)).json()
        load = Load(client, {"authorization": f"Bearer {tokens['access_token']}"})
        writers = [asyncio.create_task(load.write(worker)) for worker in range(5)]
        for _ in range(2):
            good, bad = load.good, len(load.refused)
            await _until(lambda: load.good > good + 40)  # noqa: B023 (waited for before the next round)
            await asyncio.to_thread(own.running.kill)
            await _until(lambda: len(load.refused) > bad + 5)  # noqa: B023 (likewise)
            await asyncio.to_thread(own.running.start)
            await asyncio.to_thread(own.wait)
            back = time.monotonic()
            await _until(lambda: load.last_good > back)  # noqa: B023 (likewise)
            assert load.last_good - back < RECOVERED_SECONDS
        load.is_over = True
        await asyncio.gather(*writers)
        assert set(load.statuses) <= {200, 201, 412, 503}, load.statuses
        assert all(int(answer.headers["retry-after"]) <= 5 for answer in load.refused if answer.status_code == 503)
        for day, text_ in load.stored.items():
            answer = await client.get(f"/api/entries/{day}", headers=load.headers)
            assert answer.json()["document"]["body"] == text_, day
        assert len(load.stored) > 40


async def _until(is_so: Callable[[], object], seconds: float = 30.0) -> None:
    until = time.monotonic() + seconds
    while not is_so():
        assert time.monotonic() < until, "it does not come"
        await asyncio.sleep(0.01)


# ── between us and the database ──────────────────────────────────────────────────────────────────────────────────────


@dataclass(slots=True)
class Proxy:
    """Passes bytes on, until it is told to swallow them, or to hang up in place of the answer to the n-th question from then on."""

    port: int
    target: int
    is_swallowing: bool = False
    questions_before_loss: int = -1
    lost: int = 0

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        far_reader, far_writer = await asyncio.open_connection("127.0.0.1", self.target)
        is_answer_lost = asyncio.Event()

        async def there() -> None:
            while data := await reader.read(65536):
                if self.is_swallowing:
                    continue
                self.questions_before_loss -= 1
                if self.questions_before_loss == 0:
                    is_answer_lost.set()
                far_writer.write(data)
            far_writer.close()

        async def back() -> None:
            while data := await far_reader.read(65536):
                if is_answer_lost.is_set():  # the server has done what was asked, and nobody hears it
                    self.lost += 1
                    break
                if not self.is_swallowing:
                    writer.write(data)
            writer.close()

        try:
            with suppress(asyncio.CancelledError):  # the end of the test; nobody else cancels
                await asyncio.gather(there(), back(), return_exceptions=True)
        finally:
            writer.transport.abort()
            far_writer.transport.abort()


@contextmanager
def between(target: int) -> Iterator[Proxy]:
    """In a thread and a loop of its own: what it serves may block the other one."""
    proxy = Proxy(0, target)
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever)
    thread.start()
    listening = asyncio.run_coroutine_threadsafe(asyncio.start_server(proxy.serve, "127.0.0.1", 0), loop).result()
    proxy.port = listening.sockets[0].getsockname()[1]
    try:
        yield proxy
    finally:
        asyncio.run_coroutine_threadsafe(_ended(listening), loop).result()
        loop.call_soon_threadsafe(loop.stop)
        thread.join()
        loop.close()


async def _ended(listening: asyncio.Server) -> None:
    listening.close()
    others = asyncio.all_tasks() - {asyncio.current_task()}
    for task in others:
        task.cancel()
    await asyncio.gather(*others, return_exceptions=True)


@pytest.fixture(params=ENGINES)
def engine(request: pytest.FixtureRequest, engines: Engines) -> Engine:
    return engines.get(request.param)


@pytest.fixture
def address(engine: Engine) -> Iterator[Server]:
    url = engine.create()
    made = engine.address(url.rpartition("/")[2])
    kind = "bytea" if engine.name == "postgresql" else "varbinary(64)"
    databases.sql(made, f"CREATE TABLE words (id integer PRIMARY KEY, word {kind} NOT NULL)")
    databases.sql(made, "INSERT INTO words VALUES (1, ?), (2, ?)", b"one", b"two")
    yield made
    engine.drop(url)


def test_a_network_that_swallows_everything_holds_nobody_longer_than_the_time_limit(
    address: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(server, "COMMAND_SECONDS", 0.4)

    async def write(database: ServerDatabase[Connection], number: int) -> None:
        async with database.transaction() as tx:
            await tx.run(ADD, {"id": number, "word": b"x"})

    async def story() -> None:
        with between(address.port) as proxy:
            database = opened(replace(address, port=proxy.port, pool=4))
            await asyncio.gather(*(database.fetch(ALL, {}) for _ in range(4)))
            proxy.is_swallowing = True
            asked = [*(database.fetch(ALL, {}) for _ in range(2)), *(write(database, number) for number in (10, 11))]
            async with asyncio.timeout(ENDLESS_SECONDS):
                ended = await asyncio.gather(*asked, return_exceptions=True)
            assert {type(end) for end in ended} == {DatabaseError}
            proxy.is_swallowing = False
            await write(database, 12)
            assert [row[0] for row in await database.fetch(ALL, {})] == [1, 2, 12]
            await database.close()

    asyncio.run(story())


@pytest.mark.every_engine("postgresql", "mariadb")
def test_whatever_answer_of_the_database_is_lost_what_is_sent_again_under_its_key_is_there_once(
    template_on: Template, tmp_path: Path
) -> None:
    path = "/api/entries/2026-11-20/notes"

    async def told(urls: dict[str, object]) -> None:
        vault = parse(str(urls["vault_url"]), tmp_path)
        assert isinstance(vault, Server)
        with between(vault.port) as proxy:
            through = str(urls["vault_url"]).replace(f":{vault.port}/", f":{proxy.port}/")
            async with world_in(tmp_path, template=None, clock=None, **{**urls, "vault_url": through}) as world:
                sam = await world.sign_up()
                for number in range(1, QUESTIONS + 1):
                    proxy.questions_before_loss = number
                    answer = await _note(sam, path, number)
                    assert answer.is_success or (answer.status_code == httpx.codes.SERVICE_UNAVAILABLE and answer.headers["retry-after"])
                    proxy.questions_before_loss = -1
                    assert (await _note(sam, path, number)).is_success
                assert proxy.lost >= 2, "hardly an answer was lost"
                stored = (await sam.call("GET", "/api/entries/2026-11-20")).json()["document"]["notes"]
                assert [note["text"] for note in stored] == [f"note {number}" for number in range(1, QUESTIONS + 1)]

    with template_on.copied(tmp_path) as urls:
        asyncio.run(told(urls))


async def _note(person: Person, path: str, number: int) -> httpx.Response:
    return await person.call("POST", path, {"text": f"note {number}"}, headers={"Idempotency-Key": f"key-{number}"})


# ── what engines give up ─────────────────────────────────────────────────────────────────────────────────────────────


@contextmanager
def codes(address: Server, monkeypatch: pytest.MonkeyPatch) -> Iterator[list[str]]:
    """What the engine itself said, each time it gave a transaction up."""
    module = postgresql if address.dialect == "postgresql" else mysql
    told: list[str] = []
    translated = module._translated

    def heard(error: Exception) -> Exception:
        meant: Exception = translated(error)
        if isinstance(meant, GivenUpError):
            told.append(str(error.args[0] if address.dialect == "mysql" else getattr(error, "sqlstate", "")))
        return meant

    with monkeypatch.context() as patch:
        patch.setattr(module, "_translated", heard)
        yield told


@pytest.mark.parametrize("engine", ["postgresql"], indirect=True)  # MariaDB locks where others fail
def test_a_failed_serialization_is_run_again_whole(address: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    """On an engine that is always serializable, such as CockroachDB is: real 40001 of PostgreSQL."""
    monkeypatch.setattr(postgresql, "_BEGIN", "BEGIN ISOLATION LEVEL SERIALIZABLE")

    async def story() -> None:
        database = opened(address)
        both = asyncio.Barrier(3)

        async def change() -> None:
            async with database.transaction() as tx:
                await tx.fetch(GET, {"id": 2})  # of its own snapshot from here on
                await both.wait()
                await tx.run(SET, {"id": 1, "word": b"new"})

        with codes(address, monkeypatch) as told:
            await asyncio.gather(*(change() for _ in range(3)))
        assert told.count("40001") >= 2
        assert await database.fetch(GET, {"id": 1}) == [(b"new",)]
        await database.close()

    asyncio.run(story())


@pytest.mark.parametrize("engine", ["postgresql"], indirect=True)  # MariaDB reads what is committed; what decides is locked there
def test_what_was_read_and_has_changed_since_is_no_ground_for_a_write(address: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    """Write skew: each reads the other's row and then writes its own. One of them is told to decide anew."""
    monkeypatch.setattr(postgresql, "_BEGIN", "BEGIN ISOLATION LEVEL SERIALIZABLE")

    async def story() -> None:
        database = opened(address)
        both = asyncio.Barrier(2)

        async def change(read: int, written: int) -> None:
            async with database.transaction() as tx:
                await tx.fetch(GET, {"id": read})
                await both.wait()
                await tx.run(SET, {"id": written, "word": b"mine"})

        with codes(address, monkeypatch) as told:
            ended = await asyncio.gather(change(1, 2), change(2, 1), return_exceptions=True)
        assert "40001" in told
        assert sorted(type(end).__name__ for end in ended) == ["DatabaseError", "NoneType"]
        assert [word for _, word in await database.fetch(ALL, {})].count(b"mine") == 1
        await database.close()

    asyncio.run(story())


def test_a_lock_that_is_waited_for_too_long_is_waited_for_again(address: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    """55P03 of PostgreSQL, 1205 of MariaDB: the lock is let go only once the engine has given up."""

    async def story() -> None:
        holder, database = opened(address), opened(address)

        with codes(address, monkeypatch) as told:
            async with holder.transaction() as held:
                await held.run(SET, {"id": 1, "word": b"held"})
                waiting = asyncio.create_task(_set(database))
                await _until(lambda: told)
            await waiting
        assert told[0] == ("55P03" if address.dialect == "postgresql" else "1205")
        assert await database.fetch(GET, {"id": 1}) == [(b"waited",)]
        await holder.close()
        await database.close()

    asyncio.run(story())


async def _set(database: "ServerDatabase[Connection]") -> None:
    async with database.transaction() as tx:
        await tx.run(SET, {"id": 1, "word": b"waited"})


def test_a_deadlock_is_told_by_the_engine_and_run_again(address: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    async def story() -> None:
        database = opened(address)
        both = asyncio.Barrier(2)

        async def change(first: int, second: int) -> None:
            async with database.transaction() as tx:
                await tx.run(SET, {"id": first, "word": b"d"})
                await both.wait()
                await tx.run(SET, {"id": second, "word": b"d"})

        with codes(address, monkeypatch) as told:
            await asyncio.gather(change(1, 2), change(2, 1))
        assert told[0] == ("40P01" if address.dialect == "postgresql" else "1213")
        await database.close()

    asyncio.run(story())


# ── nobody left to ask ───────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.every_engine("postgresql")  # the pool is the same for both
def test_a_pool_whose_connections_are_all_stuck_answers_503_and_goes_on_afterwards(template_on: Template, tmp_path: Path) -> None:
    with template_on.copied(tmp_path) as urls:
        vault = str(urls["vault_url"])
        with server_in(tmp_path, template=None, **{**_variables(urls), "TIMOS_VAULT_URL": f"{vault}?pool=1"}) as running:
            asyncio.run(_all_stuck(running.url, vault))
        assert '"event":"unexpected"' not in running.log


@asynccontextmanager
async def connected(url: str) -> AsyncIterator["asyncpg.Connection[asyncpg.Record]"]:
    other = await asyncpg.connect(url)
    try:
        yield other
    finally:
        await other.close()


async def _all_stuck(url: str, vault: str) -> None:
    async with httpx.AsyncClient(base_url=url, timeout=60) as client:
        token = (await _sign_up(client, "sam"))["access_token"]
        client.headers["authorization"] = f"Bearer {token}"
        assert (await client.put("/api/entries/2026-11-01", json={"body": "before"})).is_success
        async with connected(vault) as other, other.transaction():
            await other.execute("LOCK TABLE vault_gates IN ACCESS EXCLUSIVE MODE")
            asked = [client.put(f"/api/entries/2026-11-0{day}", json={"body": "stuck"}) for day in range(2, 9)]
            refused = await asyncio.gather(*asked)
        assert {(answer.status_code, answer.headers["retry-after"].isdecimal()) for answer in refused} == {(503, True)}
        again = [client.put(f"/api/entries/2026-11-0{day}", json={"body": "stuck"}) for day in range(2, 9)]
        assert {answer.is_success for answer in await asyncio.gather(*again)} == {True}


# ── imports ──────────────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.every_engine("postgresql", "mariadb")
def test_imports_at_once_leave_everybody_else_a_place(template_on: Template, tmp_path: Path) -> None:
    async def live(url: str) -> None:
        async with httpx.AsyncClient(base_url=url, timeout=60) as client:
            people = [Person(client, "", await _sign_up(client, name)) for name in ("ada", "ben", "cleo", "sam")]
            *movers, sam = people
            await sam.call("PUT", "/api/entries/2026-11-01", {"body": "mine"})
            imports = [asyncio.create_task(_import(mover)) for mover in movers for _ in range(2)]
            answers = []
            while not all(task.done() for task in imports):
                answers.append(await sam.call("GET", "/api/entries/2026-11-01"))
            assert {answer.status_code for answer in (*answers, *await asyncio.gather(*imports))} == {200}
            assert len(answers) > 3

    with template_on.copied(tmp_path) as urls, server_in(tmp_path, template=None, **_variables(urls)) as running:
        asyncio.run(live(running.url))
        assert '"event":"unexpected"' not in running.log


@pytest.mark.every_engine("postgresql")  # the share is the same for both
@pytest.mark.parametrize("places", [3, 6])
def test_an_import_has_no_more_statements_under_way_than_leave_others_a_place(
    template_on: Template, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, places: int
) -> None:
    under_way: list[str] = []
    counts: list[int] = []

    def counted(ask: Callable[..., Any]) -> Callable[..., Any]:
        async def asked(statement: Statement, params: dict[str, Value]) -> Any:
            under_way.append(statement.name)
            counts.append(len(under_way))
            try:
                return await ask(statement, params)
            finally:
                under_way.remove(statement.name)

        return asked

    async def live(urls: dict[str, object]) -> None:
        named = {**urls, "vault_url": f"{urls['vault_url']}?pool={places}"}
        async with world_in(tmp_path, template=None, clock=None, **named) as world:
            person = await world.sign_up("ada")
            vault = world.instance.vault
            for way in ("fetch", "run"):
                monkeypatch.setattr(vault, way, counted(getattr(vault, way)))
            assert (await _import(person)).json()["report"]["new"] == IMPORTED
            assert max(counts) == places - 2

    with template_on.copied(tmp_path) as urls:
        asyncio.run(live(urls))


@pytest.mark.every_engine("postgresql")  # the pool is the same for both
def test_imports_outlast_a_database_that_stands_still_for_longer_than_a_place_is_waited_for(
    template_on: Template, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A checkpoint, a slow disk: the statements under way are answered in time, whoever waits for a place beside them is not."""
    refused: list[str] = []
    take = pool.Pool.take

    async def heard(self: "pool.Pool[Connection]") -> Connection:
        try:
            return await take(self)
        except UnavailableError:
            refused.append("no place")
            raise

    monkeypatch.setattr(pool, "WAIT_SECONDS", 0.2)

    async def live(urls: dict[str, object]) -> None:
        vault = str(urls["vault_url"])
        async with world_in(tmp_path, template=None, clock=None, **{**urls, "vault_url": f"{vault}?pool=3"}) as world:
            people = [await world.sign_up(name) for name in ("ada", "ben", "cleo", "dora", "eve")]
            async with connected(vault) as other, other.transaction():
                await other.execute("LOCK TABLE daily_entries IN ACCESS EXCLUSIVE MODE")
                monkeypatch.setattr(pool.Pool, "take", heard)
                imports = [asyncio.create_task(_import(person)) for person in people]
                await _until(lambda: refused)
            answers = await asyncio.gather(*imports)
            assert [answer.status_code for answer in answers] == [200] * len(people), answers[0].text
            assert {answer.json()["report"]["new"] for answer in answers} == {IMPORTED}

    with template_on.copied(tmp_path) as urls:
        asyncio.run(live(urls))


async def _import(person: Person) -> httpx.Response:
    lines = "".join(f'{{"date":"20{year}-01-{day:02}","text":"moved"}}\n' for year in range(10, 22) for day in range(1, 31))
    return await person.call("POST", "/api/imports?format=jsonl", headers={"content-type": "application/x-ndjson"}, content=lines.encode())
