"""Steps of the stories about disks, and signing in to a server process."""

import io
import secrets
import subprocess
import time
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import httpx
import pytest

from tests.servers import NOT_RUN
from tests.support import PASSWORD


def sign_in(client: httpx.Client, name: str = "admin") -> dict[str, str]:
    tokens = client.post("/api/auth/login", json={"address": f"{name}@example.org", "password": PASSWORD, "kind": "bearer"})
    assert tokens.is_success, tokens.text
    return {"authorization": f"Bearer {tokens.json()['access_token']}"}


def sign_up(client: httpx.Client, name: str, token: str | None = None) -> None:
    body = {"address": f"{name}@example.org", "password": PASSWORD, "kind": "bearer", "token": token}
    assert client.post("/api/auth/signup", json=body).is_success


def days() -> Iterator[str]:
    return (f"{year}-{month:02}-{day:02}" for year in range(1990, 2020) for month in range(1, 13) for day in range(1, 29))


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


# ── full ─────────────────────────────────────────────────────────────────────────────────────────────────────────────


def fill_up(client: httpx.Client, disk: Path, *, text_bytes: int) -> list[httpx.Response]:
    """Sam writes until the disk is full, reads, takes all of it and leaves; then there is room again, and the admin writes.

    Returns:
        what was refused in between.
    """
    client.headers.update(sign_in(client, "sam"))
    stored, refused = _write(client, disk / "filler", text_bytes)
    assert {(answer.status_code, answer.json()["code"]) for answer in refused} == {(503, "database")}
    assert all(answer.headers["retry-after"] for answer in refused)
    for day, text in stored.items():
        answer = client.get(f"/api/entries/{day}")
        assert answer.is_success, answer.text
        assert answer.json()["document"]["body"] == text
    assert client.get("/readyz").is_success
    _leave(client, stored)
    (disk / "filler").unlink()
    client.headers.update(sign_in(client))
    _wait_for_room(client)
    return refused


def _write(client: httpx.Client, filler: Path, text_bytes: int) -> tuple[dict[str, str], list[httpx.Response]]:
    """Text by day, and the first five refusals."""
    stored: dict[str, str] = {}
    refused: list[httpx.Response] = []
    for number, day in enumerate(days()):
        if number == 5:
            _fill(filler)
        text = secrets.token_hex(text_bytes // 2)
        answer = client.put(f"/api/entries/{day}", json={"body": text})
        if answer.is_success:
            stored[day] = text
            continue
        refused.append(answer)
        if len(refused) == 5:
            break
    return stored, refused


def _fill(path: Path) -> None:
    with suppress(OSError), path.open("ab", buffering=0) as file:
        while file.write(bytes(4096)):
            pass


def _leave(client: httpx.Client, stored: dict[str, str]) -> None:
    client.headers.update(sign_in(client, "sam"))
    answer = client.post("/api/exports", headers=_step_up(client, "export"))
    assert answer.is_success, answer.text
    with zipfile.ZipFile(io.BytesIO(answer.content)) as archive:
        whole = b"".join(archive.read(name) for name in archive.namelist())
    assert all(text.encode() in whole for text in stored.values())
    answer = client.post("/api/account/erase", json={"phrase": "erase my account"}, headers=_step_up(client, "erase"))
    assert answer.is_success, answer.text
    assert client.get("/api/entries").status_code == httpx.codes.UNAUTHORIZED


def _step_up(client: httpx.Client, action: str) -> dict[str, str]:
    answer = client.post("/api/auth/step-up", json={"password": PASSWORD, "action": action})
    assert answer.is_success, answer.text
    return {"x-step-up": answer.json()["token"]}


def _wait_for_room(client: httpx.Client) -> None:
    until = time.monotonic() + 10
    while client.put("/api/entries/2020-01-01", json={"body": "again"}).status_code == httpx.codes.SERVICE_UNAVAILABLE:
        assert time.monotonic() < until, "the disk has room again, and nobody looks"
        time.sleep(0.05)
