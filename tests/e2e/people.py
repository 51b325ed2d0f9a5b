"""Whose app it is: an account, what their other device does through the API, and what hands do in a page."""

import re
import secrets
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import httpx
from playwright.sync_api import Locator, Page, expect

from tests.support import PASSWORD, Json, Server

BODY = "What you want to keep of this day"
SAVED = re.compile(r"^Saved \d\d:\d\d, encrypted$")
KEPT_HERE = "Kept on this device, sent when the server answers"
PATIENCE_S = 30.0
_ASKED_AFTER_THE_DAY = ["/api/emotions", "/api/feels", "/api/habits/streaks", "/api/moods"]  # of a device that knows nothing of them yet
_ARE_ANSWERED = """(paths) => {
  const answered = new Set(performance.getEntriesByType("resource").map((each) => new URL(each.name).pathname));
  return paths.every((path) => answered.has(path));
}"""


@dataclass(slots=True)
class Guest:
    """`api` acts in their name with a session of its own, as another device would."""

    address: str
    api: httpx.Client
    url: str

    @property
    def day(self) -> str:
        return str(self.api.get("/api/today").json()["day"])

    def entry(self, day: str) -> Json:
        answer = self.api.get(f"/api/entries/{day}")
        return answer.json()["document"] if answer.is_success else {}

    def ticked(self) -> list[str]:
        return [each["habit"]["name"] for each in self.api.get("/api/today").json()["habits"] if each["tick"]]

    def moods(self) -> Json:
        stored = self.api.get("/api/today").json()["moods"]
        return stored["document"]["logs"] if stored else []


@contextmanager
def new_guest(server: Server) -> Iterator[Guest]:
    """Their day is counted in UTC; two habits, one pillar."""
    address = f"{secrets.token_hex(8)}@example.org"
    with httpx.Client(base_url=server.url, timeout=10) as api:
        body = {"address": address, "password": PASSWORD, "name": "Ada", "kind": "bearer"}
        answer = api.post("/api/auth/signup", json=body).raise_for_status().json()
        api.headers["authorization"] = f"Bearer {answer['access_token']}"
        api.put("/api/preferences", json={"time_zone": "UTC"}).raise_for_status()
        for path, document in (
            ("habits", {"name": "Water"}),
            ("habits", {"name": "Pages", "kind": "count", "target": 10, "unit": "pages"}),
            ("pillars", {"name": "Health", "colour": "p1"}),
        ):
            api.post(f"/api/{path}", json=document).raise_for_status()
        yield Guest(address, api, server.url)


# ── what hands do ────────────────────────────────────────────────────────────────────────────────────────────────────


def press(where: Page | Locator, name: str) -> None:
    where.get_by_role("button", name=name, exact=True).click()


def card(page: Page, heading: str) -> Locator:
    """A part of a page, by its heading."""
    return page.get_by_role("region", name=heading, exact=True)


def body(page: Page) -> Locator:
    return page.get_by_label(BODY, exact=True)


def state(page: Page, of: str = "Today’s entry") -> Locator:
    """Where the words of a card are."""
    return card(page, of).locator("[data-state]")


def sign_in(page: Page, guest: Guest, path: str = "/") -> None:
    """On this path afterwards."""
    page.goto(guest.url + path)
    page.get_by_label("E-mail address").fill(guest.address)
    page.get_by_label("Password", exact=True).fill(PASSWORD)
    press(page, "Sign in")
    expect(page.get_by_role("navigation", name="Main").filter(visible=True)).to_be_visible()
    if path == "/":
        expect(body(page)).to_be_visible()


def expect_stored(read: Callable[[], object], wanted: object) -> None:
    """The page shows at once what it has still to send: the server has it a moment later."""
    until = time.monotonic() + PATIENCE_S
    while (stored := read()) != wanted and time.monotonic() < until:
        time.sleep(0.05)
    assert stored == wanted


def write(page: Page, words: str) -> None:
    """Word by word at the end of the entry, as somebody types."""
    body(page).focus()
    page.keyboard.press("Control+End")
    page.keyboard.type(words)


def wait_for_shell(page: Page) -> None:
    """The app opens without the network only once its worker has kept it."""
    assert page.evaluate(
        "Promise.race([navigator.serviceWorker.ready.then(() => true), new Promise((resolve) => setTimeout(resolve, 30000, false))])"
    )


def wait_for_answers(page: Page, *more: str) -> None:
    """Today asks for some things only once its day can be seen, on a slow machine a second later; after this no call is under way.

    Only for the first visit on a device. `more`: paths that this person's Today asks for besides.
    """
    page.wait_for_function(_ARE_ANSWERED, arg=[*_ASKED_AFTER_THE_DAY, *more])
