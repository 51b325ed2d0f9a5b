"""TLS to a database server: with the right certificate everything works and is encrypted, and without it nothing is said at all."""

import asyncio
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path

import pytest
from sqlalchemy import text

from tests import servers
from tests.certificates import make_certificates
from tests.databases import Engine, Engines
from timos.kernel.db import migrate
from timos.kernel.db.address import Server
from timos.kernel.db.opening import open_database
from timos.kernel.db.port import Row
from timos.kernel.db.statements import Statement
from timos.kernel.errors import DatabaseError, StartError
from timos.lifecycle.founding.upgrading import VAULT_HISTORY

pytestmark = [pytest.mark.slow, pytest.mark.servers]

CIPHER = Statement(
    "test.cipher",
    text("SELECT variable_value FROM information_schema.session_status WHERE variable_name = 'Ssl_version'"),
    postgresql=text("SELECT version FROM pg_stat_ssl WHERE pid = pg_backend_pid()"),
)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """See there."""
    folder = tmp_path_factory.mktemp("tls")
    make_certificates(folder)
    return folder


@pytest.fixture(scope="module")
def speaking(folder: Path) -> Iterator[dict[str, Engine]]:
    """Servers with that certificate, started when they are first asked for."""
    with ExitStack() as stack:

        class Started(dict[str, Engine]):
            def __missing__(self, name: str) -> Engine:
                if why := servers.missing(name):
                    pytest.skip(f"{servers.NOT_RUN}: {why}")
                engine = self[name] = Engine(stack.enter_context(servers.running(name, tls=folder)))
                engine.wait()
                return engine

        yield Started()


@pytest.fixture(params=["postgresql", "mariadb"])
def engine(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def address(speaking: dict[str, Engine], engine: str, folder: Path) -> Iterator[Server]:
    """Of an empty database, by name, checked against the right authority."""
    url = speaking[engine].create()
    plain = speaking[engine].address(url.rpartition("/")[2])
    yield replace(plain, host="localhost", has_tls=True, ca=folder / "right.pem")
    speaking[engine].drop(url)


def ask(address: Server) -> list[Row]:
    async def asked() -> list[Row]:
        database = open_database(address)
        try:
            return await database.fetch(CIPHER, {})
        finally:
            await database.close()

    return asyncio.run(asked())


def test_with_the_right_authority_all_is_encrypted_and_migrations_are_too(address: Server) -> None:
    (version,) = ask(address)[0]
    assert (version.decode() if isinstance(version, bytes) else version) in {"TLSv1.3", "TLSv1.2"}
    migrate.upgrade(address, VAULT_HISTORY)
    assert migrate.current(address) == migrate.head(VAULT_HISTORY)


@pytest.mark.parametrize("wrong", ["another authority", "no authority", "another name", "no certificate"])
def test_whoever_cannot_prove_who_it_is_is_not_spoken_to(address: Server, folder: Path, engine: str, engines: Engines, wrong: str) -> None:
    bad = {
        "another authority": replace(address, ca=folder / "wrong.pem"),
        "no authority": replace(address, ca=None),
        "another name": replace(address, host="127.0.0.1"),
        "no certificate": replace(address, port=engines.get(engine).running.port),  # it speaks no TLS: nothing goes on without
    }[wrong]
    with pytest.raises(DatabaseError):
        ask(bad)
    with pytest.raises(StartError, match="does not answer as it should"):
        migrate.exists(bad)


def test_a_file_of_authorities_that_is_none_is_refused(address: Server, folder: Path) -> None:
    for name in ("missing.pem", "server.key"):
        with pytest.raises(DatabaseError):
            ask(replace(address, ca=folder / name))
