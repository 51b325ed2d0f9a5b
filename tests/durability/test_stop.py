"""SIGTERM and Ctrl-C: what is under way is answered, both databases are closed, and the process has ended well."""

import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

import httpx
import pytest

from tests import databases
from tests.databases import Engine, Pair
from tests.durability.steps import sign_in
from tests.support import Server, Template, environment_in, server_in
from timos.app import GRACE_SECONDS
from timos.kernel.db.port import Row

pytestmark = pytest.mark.slow

SECONDS = 60
DOCKER_KILLS_AFTER_SECONDS = 10
DAY = b'{"date":"2020-01-01","text":"under way"}\n'


def until(is_so: Callable[[], object]) -> None:
    end = time.monotonic() + SECONDS
    while not is_so():
        assert time.monotonic() < end, "it does not come"
        time.sleep(0.01)


def is_closed(port: int) -> bool:
    with closing(socket.socket()) as probe:
        return probe.connect_ex(("127.0.0.1", port)) != 0


@dataclass(slots=True)
class UnderWay:
    """An import of which the first half was sent, and which the server is waiting for."""

    connection: socket.socket

    def finish(self) -> bytes:
        """What it is answered."""
        self.connection.sendall(DAY)
        return b"".join(iter(lambda: self.connection.recv(4096), b""))


def port_of(server: Server) -> int:
    return urlsplit(server.url).port or 0


@contextmanager
def under_way(server: Server) -> Iterator[UnderWay]:
    with httpx.Client(base_url=server.url, timeout=SECONDS) as client:
        token = sign_in(client)["authorization"]
    head = f"POST /api/imports?format=jsonl HTTP/1.1\r\nHost: localhost\r\nAuthorization: {token}\r\nContent-Type: application/x-ndjson\r\n"
    with socket.create_connection(("127.0.0.1", port_of(server)), timeout=SECONDS) as connection:
        connection.sendall(f"{head}Content-Length: {len(DAY) * 2}\r\nExpect: 100-continue\r\n\r\n".encode())
        assert connection.recv(4096).startswith(b"HTTP/1.1 100 ")  # somebody waits for the body
        connection.sendall(DAY.replace(b"-01-01", b"-01-02"))
        yield UnderWay(connection)


def stop(server: Server, number: signal.Signals) -> None:
    """Until it has heard."""
    server.process.send_signal(number)
    until(lambda: is_closed(port_of(server)))


def logs_beside(folder: Path) -> set[str]:
    return {path.name for path in (folder / "data").iterdir() if path.name.endswith(("-wal", "-shm"))}


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_who_is_told_to_stop_answers_closes_its_files_and_ends_with_0(template: Path, tmp_path: Path, number: signal.Signals) -> None:
    with server_in(tmp_path, template=template) as server, under_way(server) as sent:
        assert logs_beside(tmp_path)
        stop(server, number)
        answer = sent.finish()
        assert answer.startswith(b"HTTP/1.1 200 "), answer
        assert b'"new":2' in answer
        assert server.process.wait(SECONDS) == 0
    assert logs_beside(tmp_path) == set()
    assert "Traceback" not in server.log


def test_a_body_that_never_ends_is_waited_for_no_longer_than_docker_waits(template: Path, tmp_path: Path) -> None:
    with server_in(tmp_path, template=template) as server, under_way(server):
        began = time.monotonic()
        stop(server, signal.SIGTERM)
        assert server.process.wait(SECONDS) == 0
        assert time.monotonic() - began < 2 * GRACE_SECONDS  # on a machine with other things to do
    assert GRACE_SECONDS < DOCKER_KILLS_AFTER_SECONDS
    assert logs_beside(tmp_path) == set()


@pytest.mark.parametrize("second", [signal.SIGTERM, signal.SIGINT])
def test_who_is_told_twice_ends_where_it_is(template: Path, tmp_path: Path, second: signal.Signals) -> None:
    with server_in(tmp_path, template=template) as server, under_way(server):
        stop(server, signal.SIGTERM)
        server.process.send_signal(second)
        assert server.process.wait(SECONDS) == -second  # and not 0, as when it is waited for


@pytest.mark.servers
@pytest.mark.every_engine("postgresql", "mariadb")
def test_who_is_told_to_stop_takes_leave_of_its_database_servers(pair: Pair, template_on: Template, tmp_path: Path) -> None:
    engine = pair.vault.engine
    assert engine
    with template_on.copied(tmp_path) as urls:
        names = [str(url).rpartition("/")[2] for url in urls.values()]
        before = left_without_a_word(engine, names)
        given = {f"TIMOS_{name.upper()}": str(url) for name, url in urls.items()}
        with server_in(tmp_path, template=None, **given) as server, under_way(server) as sent:
            stop(server, signal.SIGTERM)
            assert sent.finish().startswith(b"HTTP/1.1 200 ")
            assert server.process.wait(SECONDS) == 0
        until(lambda: sessions(engine, names) == 0)
        assert left_without_a_word(engine, names) == before


def sessions(engine: Engine, names: list[str]) -> int:
    postgresql, mariadb = ("pg_stat_activity", "datname"), ("information_schema.processlist", "db")
    table, column = postgresql if engine.name == "postgresql" else mariadb
    [(count,)] = databases.sql(engine.address(names[0]), f"SELECT count(*) FROM {table} WHERE {column} IN (?, ?)", *names)  # noqa: S608
    assert isinstance(count, int)
    return count - 1  # the one that asks


def left_without_a_word(engine: Engine, names: list[str]) -> list[Row]:
    """Of sessions whose client went away: how many the server counts."""
    if engine.name == "postgresql":
        asked = "SELECT datname, sessions_abandoned FROM pg_stat_database WHERE datname IN (?, ?) ORDER BY 1"
        return databases.sql(engine.address("postgres"), asked, *names)
    asked = "SELECT variable_value FROM information_schema.global_status WHERE variable_name = 'aborted_clients'"
    return databases.sql(engine.address("mysql"), asked)


# ── before the first answer ──────────────────────────────────────────────────────────────────────────────────────────


def listens_to_signals(process: "subprocess.Popen[bytes]") -> bool:
    status = Path(f"/proc/{process.pid}/status").read_text(encoding="ascii")
    caught = int(status.partition("SigCgt:")[2].split()[0], 16)
    return bool(caught >> (signal.SIGTERM - 1) & 1)


@pytest.mark.parametrize("words", [["serve"], ["serve", "--host", "127.0.0.1", "--host", "127.0.0.1"], ["demo", "--no-browser"]])
def test_a_start_that_is_told_to_stop_has_ended_well(template: Path, tmp_path: Path, words: list[str]) -> None:
    databases.copy_folder(template, tmp_path)
    line = [sys.executable, "-m", "timos", *words]
    process = subprocess.Popen(line, env=environment_in(tmp_path), stderr=subprocess.DEVNULL)
    until(lambda: listens_to_signals(process))
    process.send_signal(signal.SIGTERM)
    assert process.wait(SECONDS) == 0
    assert logs_beside(tmp_path) == set()
    assert not list(tmp_path.glob("timos-demo-*"))
