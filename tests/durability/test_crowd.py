"""Somebody with far more than a diary searches all of it, again and again, while others write."""

import threading
from datetime import date, timedelta
from pathlib import Path

import httpx
import msgspec
import pytest

from tests.support import PASSWORD, server_in

pytestmark = pytest.mark.slow

ROWS = 20_000
FIRST = date(1950, 1, 1)
DAY = "2026-11-20"
SEARCHES = 3


def account(api: httpx.Client, name: str) -> dict[str, str]:
    body = {"address": f"{name}@example.org", "password": PASSWORD, "name": name, "kind": "bearer"}
    answer = api.post("/api/auth/signup", json=body).raise_for_status().json()
    return {"authorization": f"Bearer {answer['access_token']}"}


def test_a_search_over_twenty_thousand_days_keeps_nobody_from_writing(tmp_path: Path, template: Path) -> None:
    days = [{"date": (FIRST + timedelta(days=n)).isoformat(), "text": f"word{n % 7} of a day"} for n in range(ROWS)]
    raw = b"".join(msgspec.json.encode(day) + b"\n" for day in days)
    with server_in(tmp_path, template=template) as server, httpx.Client(base_url=server.url, timeout=120) as api:
        much, little = account(api, "much"), account(api, "little")
        told = api.post("/api/imports?format=jsonl", content=raw, headers={**much, "content-type": "application/x-ndjson"}).json()
        assert told["report"]["new"] == ROWS
        found: list[int] = []
        is_over = threading.Event()

        def search() -> None:
            try:
                with httpx.Client(base_url=server.url, timeout=120, headers=much) as other:
                    found.extend(other.post("/api/search", json={"query": "word3"}).json()["total"] for _ in range(SEARCHES))
            finally:
                is_over.set()

        searching = threading.Thread(target=search)
        searching.start()
        written = 0
        while not is_over.is_set():
            known = {"if-match": "*"} if written else {}
            answer = api.put(f"/api/entries/{DAY}", json={"body": f"number {written}"}, headers={**little, **known})
            assert answer.is_success, answer.text
            written += 1
        searching.join()
        assert found == [sum(n % 7 == 3 for n in range(ROWS))] * SEARCHES
        assert written > SEARCHES  # whoever had to wait for a search to end would have written once beside each
        assert api.get(f"/api/entries/{DAY}", headers=little).json()["document"]["body"] == f"number {written - 1}"
