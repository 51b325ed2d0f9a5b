"""A part of a day that does not open: the app says so, goes on with the rest, and its owner can let go of it."""

import sqlite3
from contextlib import closing

import pytest
from playwright.sync_api import expect

from tests.e2e.conftest import Devices
from tests.e2e.people import Guest, press, sign_in
from tests.support import Server

pytestmark = pytest.mark.slow

SAID = "Stored for this day, but not to be read: habits and moods."


def test_what_cannot_be_read_is_told_and_deleted_only_after_asking(house: Server, devices: Devices, guest: Guest) -> None:
    day = guest.day
    habit = guest.api.get("/api/today").json()["habits"][0]["id"]
    guest.api.put(f"/api/habits/{habit}/days/{day}", json={"value": 1}).raise_for_status()
    guest.api.post("/api/moods/log", json={"mood": "good"}).raise_for_status()
    with closing(sqlite3.connect(house.folder / "data" / "vault.db")) as connection, connection:
        for table in ("habit_days", "mood_logs"):
            connection.execute(f"UPDATE {table} SET sealed = zeroblob(600)")  # noqa: S608 (a name of ours)
    page = devices().new_page()
    sign_in(page, guest)
    for screen in ("habits", "moods"):
        page.goto(f"{guest.url}/{screen}")
        expect(page.get_by_text("What was kept on these days cannot be read and was left out:")).to_be_visible()
        expect(page.locator(f'a[href="/day/{day}"]')).to_be_visible()
    page.goto(guest.url)
    expect(page.get_by_text(SAID)).to_be_visible()
    press(page, "Delete it")
    press(page, "Keep it")
    assert guest.api.get("/api/today").json()["unreadable_parts"] == ["habits", "moods"]
    press(page, "Delete it")
    press(page, "Yes, delete it for good")
    expect(page.get_by_text(SAID)).to_be_hidden()
    assert guest.api.get("/api/today").json()["unreadable_parts"] == []
    page.get_by_role("checkbox", name="Water").check()
    expect(page.get_by_role("checkbox", name="Water")).to_be_checked()
