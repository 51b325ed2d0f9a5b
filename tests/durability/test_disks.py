"""Disks of the tests' own, as root: one that is full, and one whose machine loses its power. Elsewhere these are reported as not run."""

import asyncio
import io
import os
import secrets
import shutil
import signal
import subprocess
import time
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.servers import NOT_RUN
from tests.support import PASSWORD, server_in

pytestmark = pytest.mark.slow

DISK_MIB = 64
ISSUER = "http://localhost:8000"  # of the tokens, which outlive a restart on another port


@contextmanager
def mounted(place: Path, *what: str) -> Iterator[Path]:
    place.mkdir()
    done = subprocess.run(["mount", *what, str(place)], check=False, capture_output=True, text=True)  # noqa: S607 (where it is differs)
    if done.returncode:
        pytest.skip(f"{NOT_RUN}: {' '.join(what[:2])} cannot be mounted here: {done.stderr.strip()}")
    try:
        yield place
    finally:
        subprocess.run(["umount", str(place)], check=True)  # noqa: S607


@pytest.fixture(autouse=True)
def as_root() -> None:
    if os.geteuid() != 0:
        pytest.skip(f"{NOT_RUN}: only root can mount a disk")


def sign_in(client: httpx.Client, name: str = "admin") -> dict[str, str]:
    tokens = client.post("/api/auth/login", json={"address": f"{name}@example.org", "password": PASSWORD, "kind": "bearer"})
    assert tokens.is_success, tokens.text
    return {"authorization": f"Bearer {tokens.json()['access_token']}"}


# ── full ─────────────────────────────────────────────────────────────────────────────────────────────────────────────


def fill(path: Path) -> None:
    with suppress(OSError), path.open("ab", buffering=0) as file:
        while file.write(bytes(4096)):
            pass


def step_up(client: httpx.Client, action: str) -> dict[str, str]:
    answer = client.post("/api/auth/step-up", json={"password": PASSWORD, "action": action})
    assert answer.is_success, answer.text
    return {"x-step-up": answer.json()["token"]}


def wait_for_room(client: httpx.Client) -> None:
    until = time.monotonic() + 10
    while client.put("/api/entries/2020-01-01", json={"body": "again"}).status_code == httpx.codes.SERVICE_UNAVAILABLE:
        assert time.monotonic() < until, "the disk has room again, and nobody looks"
        time.sleep(0.05)


def days() -> Iterator[str]:
    return (f"{year}-{month:02}-{day:02}" for year in range(1990, 2020) for month in range(1, 13) for day in range(1, 29))


def test_on_a_full_disk_writing_is_refused_reading_goes_on_and_one_can_take_all_of_it_and_leave(template: Path, tmp_path: Path) -> None:
    with mounted(tmp_path / "disk", "-t", "tmpfs", "-o", "size=24m", "tmpfs") as disk:
        shutil.copytree(template / "data", disk / "data")
        shutil.copytree(template / "key", tmp_path / "key")
        with (
            server_in(tmp_path, TIMOS_DATA_DIR=str(disk / "data")) as server,
            httpx.Client(base_url=server.url, timeout=30) as client,
        ):
            sam = {"address": "sam@example.org", "password": PASSWORD, "kind": "bearer"}
            assert client.post("/api/auth/signup", json=sam).is_success
            client.headers.update(sign_in(client, "sam"))
            stored: dict[str, str] = {}
            refused: list[httpx.Response] = []
            for number, day in enumerate(days()):
                if number == 5:
                    fill(disk / "filler")
                body = secrets.token_hex(4000)
                answer = client.put(f"/api/entries/{day}", json={"body": body})
                if answer.is_success:
                    stored[day] = body
                    continue
                refused.append(answer)
                if len(refused) == 5:
                    break
            assert {(answer.status_code, answer.json()["code"]) for answer in refused} == {(503, "database")}
            assert "disk of this server is full" in refused[-1].json()["detail"]
            assert all(answer.headers["retry-after"] for answer in refused)
            for day, body in stored.items():
                assert client.get(f"/api/entries/{day}").json()["document"]["body"] == body
            assert client.get("/readyz").is_success
            sign_in(client, "sam")
            answer = client.post("/api/exports", headers=step_up(client, "export"))
            assert answer.is_success, answer.text
            with zipfile.ZipFile(io.BytesIO(answer.content)) as archive:
                whole = b"".join(archive.read(name) for name in archive.namelist())
            assert all(body.encode() in whole for body in stored.values())
            answer = client.post("/api/account/erase", json={"phrase": "erase my account"}, headers=step_up(client, "erase"))
            assert answer.is_success, answer.text
            assert client.get("/api/entries").status_code == httpx.codes.UNAUTHORIZED
            (disk / "filler").unlink()
            client.headers.update(sign_in(client))
            wait_for_room(client)
        assert '"event":"unexpected"' not in server.log


# ── the power goes ───────────────────────────────────────────────────────────────────────────────────────────────────


def test_what_was_acknowledged_is_there_when_the_power_went(template: Path, tmp_path: Path) -> None:
    """The file that a loop device writes to is what the disk holds; what only the memory of the machine held is not in it."""
    image = tmp_path / "image"
    with image.open("wb") as file:
        file.truncate(DISK_MIB << 20)
    subprocess.run(["mkfs.ext4", "-q", "-F", str(image)], check=True)  # noqa: S607
    shutil.copytree(template / "key", tmp_path / "key")
    stored: dict[str, str] = {}
    after = tmp_path / "after"
    with mounted(tmp_path / "disk", "-o", "loop", str(image)) as disk:
        shutil.copytree(template / "data", disk / "data")
        os.sync()
        with server_in(tmp_path, TIMOS_DATA_DIR=str(disk / "data"), TIMOS_PUBLIC_URL=ISSUER) as server:
            asyncio.run(_write_until_stopped(server, stored))
            shutil.copyfile(image, after)  # the server stands still: nothing was acknowledged since
            server.process.send_signal(signal.SIGCONT)
    with (
        mounted(tmp_path / "again", "-o", "loop", str(after)) as disk,
        server_in(tmp_path, TIMOS_DATA_DIR=str(disk / "data"), TIMOS_PUBLIC_URL=ISSUER) as server,
        httpx.Client(base_url=server.url, timeout=30) as client,
    ):
        client.headers.update(sign_in(client))
        for day, body in stored.items():
            assert client.get(f"/api/entries/{day}").json()["document"]["body"] == body, day
        doctor = server.command("doctor")
        assert doctor.returncode == 0, doctor.stdout + doctor.stderr
    assert len(stored) >= 100


async def _write_until_stopped(server: Any, stored: dict[str, str]) -> None:
    async with httpx.AsyncClient(base_url=server.url, timeout=30) as client:
        body = {"address": "admin@example.org", "password": PASSWORD, "kind": "bearer"}
        tokens = (await client.post("/api/auth/login", json=body)).json()
        client.headers["authorization"] = f"Bearer {tokens['access_token']}"
        todo = days()

        async def work() -> None:
            for day in todo:
                text = secrets.token_hex(300)
                answer = await client.put(f"/api/entries/{day}", json={"body": text})
                assert answer.is_success, answer.text
                stored[day] = text
                if len(stored) == 100:
                    server.process.send_signal(signal.SIGSTOP)
                if len(stored) >= 100:
                    return

        done, late = await asyncio.wait([asyncio.create_task(work()) for _ in range(4)], timeout=30, return_when=asyncio.FIRST_COMPLETED)
        for task in late:
            task.cancel()  # its answer will not come: nothing was acknowledged
        await asyncio.gather(*done)
        await asyncio.gather(*late, return_exceptions=True)
