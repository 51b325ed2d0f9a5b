"""The disk of a server's database is full, as root: writing is refused, all the rest goes on. Elsewhere reported as not run."""

import os
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
import pytest

from tests import databases
from tests.databases import Engine
from tests.durability.steps import fill_up, mounted, sign_up
from tests.support import server_in

pytestmark = [pytest.mark.slow, pytest.mark.servers, pytest.mark.usefixtures("as_root")]

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


def test_on_a_full_disk_of_the_vault_writing_is_refused_and_reading_exporting_and_erasing_go_on(own: Engine, tmp_path: Path) -> None:
    with on_a_small_disk(own) as (vault, disk):
        with (
            server_in(tmp_path, TIMOS_PLATFORM_URL=own.create(), TIMOS_VAULT_URL=vault, TIMOS_REGISTRATION="open") as server,
            httpx.Client(base_url=server.url, timeout=30) as client,
        ):
            token = server.log.partition("#setup=")[2].split()[0]
            sign_up(client, "admin", token)
            sign_up(client, "sam")
            # whole in its row: MariaDB 10.11 ends itself on a disk that is full in the middle of a longer text
            fill_up(client, disk, text_bytes=1400)
        assert '"event":"unexpected"' not in server.log
