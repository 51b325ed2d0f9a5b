"""Every screen and every dialog of the app with the demo's half year: how to get there, and how to know that it is there."""

import re
import secrets
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, timedelta

import httpx
from playwright.sync_api import Page, expect

from tests.e2e.demo import enter
from tests.e2e.people import KEPT_HERE, Guest, body, sign_in, wait_for_answers
from tests.support import PASSWORD

Show = Callable[[Page], None]
ANY = re.compile(".")
THEIRS = (
    "The river was higher than yesterday, and the path along it soft. I turned back at the bridge.",
    "The river was lower than yesterday, and the path along it dry. I went on to the second bridge.",
)


@dataclass(frozen=True, slots=True)
class Screen:
    """`name` is also that of its picture. `show` is done on `path`; `proof` is what must then be seen before it counts as loaded."""

    name: str
    path: str
    title: str
    heading: str | re.Pattern[str] = ANY
    proof: Show | None = None
    show: Show | None = None
    is_for_phone: bool = False

    def open(self, page: Page, url: str) -> None:
        """Loaded to the end."""
        page.goto(url + self.path)
        self.settle(page)
        if self.show:
            self.show(page)

    def settle(self, page: Page) -> None:
        expect(page.get_by_role("heading", level=1)).to_have_text(self.heading)
        expect(page).to_have_title(f"{self.title} · TimOS")
        expect(page.get_by_text("One moment…").filter(visible=True)).to_have_count(0)
        if self.proof:
            self.proof(page)


@dataclass(frozen=True, slots=True)
class Parting:
    """Something that ends a session, so that each needs a browser of its own, in which nobody is signed in yet."""

    name: str
    show: Callable[[Page, str], None]
    refused: frozenset[str] = frozenset()  # answers that are meant, as the watch has them
    is_for_phone: bool = False

    def open(self, page: Page, url: str) -> None:
        """`url` is that of a server with the demo's person."""
        self.show(page, url)


def region(name: str | re.Pattern[str]) -> Show:
    return lambda page: expect(page.get_by_role("region", name=name).first).to_be_visible()


def said(words: str) -> Show:
    return lambda page: expect(page.get_by_text(words).first).to_be_visible()


def press(name: str | re.Pattern[str], then: str) -> Show:
    """Opens the dialog of that name."""

    def show(page: Page) -> None:
        page.get_by_role("button", name=name).first.click()
        expect(page.get_by_role("dialog", name=then)).to_be_visible()

    return show


def find(page: Page) -> None:
    page.get_by_role("searchbox").fill("walk*")
    expect(page.locator("mark").first).to_be_visible()


def ask_palette(page: Page) -> None:
    page.keyboard.press("Control+k")
    page.get_by_role("combobox").fill("walk")
    expect(page.get_by_role("listbox").locator("mark").first).to_be_visible()


def show_keys(page: Page) -> None:
    page.keyboard.press("?")
    expect(page.get_by_role("dialog", name="Keys")).to_be_visible()


def write_below_toast(page: Page) -> None:
    page.get_by_label("Add a tag").or_(page.get_by_placeholder("Add a tag")).first.fill("river")
    page.keyboard.press("Enter")
    page.get_by_role("button", name="Take out river").click()
    expect(page.get_by_role("button", name="Undo")).to_be_visible()


def meet_a_conflict(page: Page) -> None:
    """Each time another text is there than the time before: what is equal is no conflict."""
    other = page.context.new_page()
    for each in (page, other):
        each.goto(page.url)
        each.get_by_role("button", name=re.compile("Edit|Write about this day")).first.click()
        expect(body(each)).to_be_visible()
    theirs = next(text for text in THEIRS if text != body(other).input_value())
    body(other).fill(theirs)
    expect(other.locator("#entry [data-state=saving]")).to_be_visible()
    expect(other.locator("#entry [data-state=saved]")).to_be_visible()
    other.close()
    page.bring_to_front()
    body(page).fill("Walked to the bridge. Rain from noon on; the map of the river has to wait for better paper.")
    page.get_by_role("button", name="Look at it").click()
    expect(page.get_by_role("dialog", name="Written in two places")).to_be_visible()


def open_first_pillar(page: Page) -> None:
    page.get_by_role("main").locator("a[href^='/pillars/']").first.click()
    Screen("pillar", "", "Pillar", proof=said("Entries about it")).settle(page)
    expect(page.get_by_role("main").locator("a[href^='/day/']").first).to_be_visible()


def lock(page: Page, url: str) -> None:
    enter(page, url)
    wait_for_answers(page, "/api/insights")
    page.keyboard.press("Control+Shift+L")
    expect(page.get_by_role("button", name="Unlock")).to_be_visible()


def lose_session(page: Page, url: str) -> None:
    enter(page, url)
    wait_for_answers(page, "/api/insights")  # no other call finds out first
    page.context.clear_cookies()
    body(page).press_sequentially(" Still here.")
    expect(page.get_by_role("dialog", name="Sign in")).to_be_visible()


def leave_unsent(page: Page, url: str) -> None:
    enter(page, url)
    go_to(page, "/settings/security")
    expect(page.get_by_role("button", name="Log out", exact=True)).to_be_visible()
    go_to(page, "/")
    said("Goes with better days")(page)
    page.context.set_offline(offline=True)
    body(page).press_sequentially(" Not sent.")
    expect(page.get_by_text(KEPT_HERE).first).to_be_visible()
    go_to(page, "/settings/security")
    page.get_by_role("button", name="Log out", exact=True).click()
    expect(page.get_by_role("dialog", name="Something is not sent yet")).to_be_visible()


def erase_somebody(page: Page, url: str) -> None:
    with httpx.Client(base_url=url) as api:
        somebody = Guest(f"{secrets.token_hex(8)}@example.org", api, url)
        account = {"address": somebody.address, "password": PASSWORD, "name": "Ada", "kind": "bearer"}
        api.post("/api/auth/signup", json=account).raise_for_status()
        sign_in(page, somebody, "/settings/erase")
    page.get_by_label("Your password again").fill(PASSWORD)
    page.get_by_label("Type “erase my account”").fill("erase my account")
    page.get_by_role("button", name="Erase everything").click()
    expect(page.get_by_role("dialog", name="It is done")).to_be_visible()


def go_to(page: Page, path: str) -> None:
    """As a link inside the app does."""
    page.evaluate("(path) => { history.pushState(null, '', path); dispatchEvent(new PopStateEvent('popstate')); }", path)


def partings(today: date) -> list[Parting]:
    """How a session ends, and what is asked before it does."""
    return [
        Parting("lock", lock),
        Parting("dialog-ended", lose_session, frozenset({f"401 /api/entries/{today}", "401 /api/auth/refresh"})),
        Parting("dialog-unsent", leave_unsent),
        Parting("dialog-receipt", erase_somebody),
    ]


def outside() -> list[Screen]:
    """For who is not signed in."""
    return [
        Screen("login", "/login", "Sign in", "Welcome back"),
        Screen("signup", "/signup", "Make an account", "Make an account"),
    ]


def inside(today: date) -> list[Screen]:
    """`today`: the demo's last day."""
    yesterday = today - timedelta(days=1)
    year, number, _ = (today - timedelta(days=7)).isocalendar()
    last_week = f"{year}-W{number:02}"
    return [
        Screen("today", "/", "Today", proof=said("Goes with better days")),
        Screen("day", f"/day/{yesterday}", "Day"),
        Screen("day-long-ago", "/day/2001-02-03", "Day", proof=said("Nothing was written on this day.")),
        Screen("calendar-month", "/calendar", "Calendar"),
        Screen("calendar-year", f"/calendar/{today.year}", "Calendar", str(today.year)),
        Screen("insights", "/insights", "Insights", "Insights", proof=said("Days by week")),
        Screen("week-1-look", "/week", "Week", proof=region("The seven days")),
        Screen("week-2-pillars", "/week?step=2", "Week", proof=region("Score the pillars")),
        Screen("week-3-patterns", "/week?step=3", "Week", proof=region("Patterns")),
        Screen("week-4-next", "/week?step=4", "Week", proof=region("For next week")),
        Screen("week-closed", f"/week/{last_week}", "Week"),
        Screen("pillars", "/pillars", "Pillars", "Pillars"),
        Screen("pillar", "/pillars", "Pillars", show=open_first_pillar),
        Screen("habits", "/habits", "Habits", "Habits", proof=said("No phone before nine")),
        Screen("moods", "/moods", "Moods", "Moods", proof=region("The last 30 days")),
        Screen("search", "/search", "Search", "Search", show=find),
        Screen("settings", "/settings", "Settings", "Settings"),
        *(
            Screen(f"settings-{section}", f"/settings/{section}", "Settings", heading)
            for section, heading in (
                ("profile", "Profile"),
                ("journal", "Journal"),
                ("appearance", "Appearance"),
                ("security", "Security"),
                ("data", "Your data"),
                ("erase", "Erase my account"),
            )
        ),
        *(Screen(f"welcome-{step}", f"/welcome?step={step}", "Welcome") for step in (1, 2, 3, 4)),
    ]


def dialogs(today: date) -> list[Screen]:
    """What opens over a screen."""
    return [
        Screen("dialog-emotions", "/", "Today", show=press("More…", "Words for how you feel")),
        Screen("dialog-keys", "/insights", "Insights", show=show_keys),
        Screen("dialog-palette", "/insights", "Insights", show=ask_palette),
        Screen("dialog-habit", "/habits", "Habits", show=press("New habit", "New habit")),
        Screen("dialog-pillar", "/pillars", "Pillars", show=press("New pillar", "New pillar")),
        Screen("dialog-mood", "/moods", "Moods", show=press("New mood", "New mood")),
        Screen("dialog-more", "/insights", "Insights", show=press("More", "More"), is_for_phone=True),
        Screen("toast", "/", "Today", show=write_below_toast),
        # the last: what is left undecided is told on every screen
        Screen("dialog-conflict", f"/day/{today - timedelta(days=2)}", "Day", show=meet_a_conflict),
    ]
