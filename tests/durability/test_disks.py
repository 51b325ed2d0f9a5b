"""Disks of the tests' own, as root: one that is full, and one whose machine loses its power. Elsewhere these are reported as not run."""

import asyncio
import os
import secrets
import shutil
import signal
import subprocess
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.durability.steps import days, fill_up, mounted, sign_in, sign_up
from tests.support import PASSWORD, server_in

pytestmark = [pytest.mark.slow, pytest.mark.usefixtures("as_root")]

DISK_MIB = 64
ISSUER = "http://localhost:8000"  # of the tokens, which outlive a restart on another port


# ── full ─────────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_on_a_full_disk_writing_is_refused_reading_goes_on_and_one_can_take_all_of_it_and_leave(template: Path, tmp_path: Path) -> None:
    with mounted(tmp_path / "disk", "-t", "tmpfs", "-o", "size=24m", "tmpfs") as disk:
        shutil.copytree(template / "data", disk / "data")
        shutil.copytree(template / "key", tmp_path / "key")
        with (
            server_in(tmp_path, TIMOS_DATA_DIR=str(disk / "data")) as server,
            httpx.Client(base_url=server.url, timeout=30) as client,
        ):
            sign_up(client, "sam")
            refused = fill_up(client, disk, text_bytes=8000)
            assert "disk of this server is full" in refused[-1].json()["detail"]
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
