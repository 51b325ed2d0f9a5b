"""The disk of a server's database is full, as root: writing is refused, all the rest goes on. Elsewhere reported as not run."""

import io
import os
import secrets
import shutil
import subprocess
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
import pytest

from tests import databases, servers
from tests.databases import Engine
from tests.durability.test_disks import as_root, days, fill, mounted, sign_in, step_up, wait_for_room
from tests.support import PASSWORD, server_in

pytestmark = [pytest.mark.slow, pytest.mark.servers]

__all__ = ["as_root"]  # a fixture that every test here uses

DISK_MIB = 32


@contextmanager
def small_disk(engine: Engine, place: Path) -> Iterator[Path]:
    """Of a file system that says at once what it has no room for; MariaDB does not outlive one that notices later (tmpfs)."""
    image = engine.running.folder / "image"
    with image.open("wb") as file:
        file.truncate(DISK_MIB << 20)
    subprocess.run(["mkfs.ext4", "-q", "-F", "-m", "0", str(image)], check=True)  # noqa: S607 (where it is differs)
    owner = engine.running.folder.stat()
    with mounted(place, "-o", "loop", str(image)) as disk:
        (disk / "lost+found").rmdir()  # neither server takes a folder that is not empty
        os.chown(disk, owner.st_uid, owner.st_gid)
        try:
            yield disk
        finally:
            engine.running.kill()  # it holds files there


@contextmanager
def on_a_small_disk(engine: Engine) -> Iterator[tuple[str, Path]]:
    """The URL of a database whose rows lie on a disk of their own, apart from the server's logs; and that disk."""
    if engine.name == "postgresql":
        with small_disk(engine, engine.running.folder / "small") as disk:
            disk.chmod(0o700)
            databases.sql(engine.address("postgres"), f"CREATE TABLESPACE small LOCATION '{disk}'")
            databases.sql(engine.address("postgres"), "CREATE DATABASE small TABLESPACE small")
            yield engine.url("small"), disk
        return
    databases.sql(engine.address("mysql"), "SET GLOBAL innodb_file_per_table = 1")
    databases.sql(engine.address("mysql"), "CREATE DATABASE small CHARACTER SET utf8mb4 COLLATE utf8mb4_bin")
    folder = engine.running.folder / "data" / "small"
    chosen = (folder / "db.opt").read_bytes()
    shutil.rmtree(folder)
    with small_disk(engine, folder) as disk:
        (disk / "db.opt").write_bytes(chosen)
        os.chown(disk / "db.opt", disk.stat().st_uid, disk.stat().st_gid)
        yield engine.url("small"), disk


@pytest.fixture(params=["postgresql", "mariadb"])
def own(request: pytest.FixtureRequest) -> Iterator[Engine]:
    if why := servers.missing(request.param):
        pytest.skip(f"{servers.NOT_RUN}: {why}")
    with servers.running(request.param) as running:
        engine = Engine(running)
        engine.wait()
        yield engine


def test_on_a_full_disk_of_the_vault_writing_is_refused_and_reading_exporting_and_erasing_go_on(own: Engine, tmp_path: Path) -> None:
    with on_a_small_disk(own) as (vault, disk):
        with (
            server_in(tmp_path, TIMOS_PLATFORM_URL=own.create(), TIMOS_VAULT_URL=vault, TIMOS_REGISTRATION="open") as server,
            httpx.Client(base_url=server.url, timeout=30) as client,
        ):
            token = server.log.partition("#setup=")[2].split()[0]
            for name, setup in (("admin", token), ("sam", None)):
                body = {"address": f"{name}@example.org", "password": PASSWORD, "kind": "bearer", "token": setup}
                assert client.post("/api/auth/signup", json=body).is_success
            client.headers.update(sign_in(client, "sam"))
            stored: dict[str, str] = {}
            refused: list[httpx.Response] = []
            for number, day in enumerate(days()):
                if number == 5:
                    fill(disk / "filler")
                # whole in its row: MariaDB 10.11 ends itself on a disk that is full in the middle of a longer text
                text = secrets.token_hex(700)
                answer = client.put(f"/api/entries/{day}", json={"body": text})
                if answer.is_success:
                    stored[day] = text
                    continue
                refused.append(answer)
                if len(refused) == 5:
                    break
            assert {(answer.status_code, answer.json()["code"]) for answer in refused} == {(503, "database")}
            assert all(answer.headers["retry-after"] for answer in refused)
            for day, text in stored.items():
                answer = client.get(f"/api/entries/{day}")
                assert answer.is_success, answer.text
                assert answer.json()["document"]["body"] == text
            assert client.get("/readyz").is_success
            client.headers.update(sign_in(client, "sam"))
            answer = client.post("/api/exports", headers=step_up(client, "export"))
            assert answer.is_success, answer.text
            with zipfile.ZipFile(io.BytesIO(answer.content)) as archive:
                whole = b"".join(archive.read(name) for name in archive.namelist())
            assert all(text.encode() in whole for text in stored.values())
            answer = client.post("/api/account/erase", json={"phrase": "erase my account"}, headers=step_up(client, "erase"))
            assert answer.is_success, answer.text
            assert client.get("/api/entries").status_code == httpx.codes.UNAUTHORIZED
            (disk / "filler").unlink()
            client.headers.update(sign_in(client))
            wait_for_room(client)
        assert '"event":"unexpected"' not in server.log
