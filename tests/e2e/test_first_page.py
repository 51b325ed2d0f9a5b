"""What a person sees and may do before the app has arrived."""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date

import pytest
from playwright.sync_api import Page, Route, expect

from tests.e2e.browser import Watch
from tests.e2e.conftest import Devices
from tests.e2e.people import Guest, body, sign_in
from tests.support import PASSWORD, Json, Server
from timos.kernel.clock import SystemClock
from timos.platform.auth.sessions.session import IDLE_MS

pytestmark = pytest.mark.slow

A_MINUTE_MS = 60_000


@pytest.fixture(autouse=True)
def only_the_network(watch: Watch) -> None:
    """A service worker would answer for the files that are held back here."""
    watch.expected.add("Service Worker registration blocked by Playwright")


@contextmanager
def without_the_shell(page: Page) -> Iterator[None]:
    """The shell's script is answered only when the block ends."""
    waiting: list[Route] = []
    page.route("**/assets/shell-*.js", lambda route: waiting.append(route))  # noqa: PLW0108 (Playwright marks its handler, and a builtin takes no mark)
    yield
    for route in waiting:
        route.continue_()


def test_what_is_typed_before_the_app_is_there_stays_and_is_not_sent_by_the_browser(devices: Devices, guest: Guest) -> None:
    page = devices(service_workers="block").new_page()
    with without_the_shell(page):
        page.goto(f"{guest.url}/login", wait_until="commit")
        page.get_by_label("E-mail address").fill(guest.address)
        page.get_by_label("Password", exact=True).fill(PASSWORD)
        page.keyboard.press("Enter")
        expect(page.get_by_role("button", name="Sign in", exact=True)).to_be_disabled()
        assert page.url == f"{guest.url}/login"
    page.get_by_role("button", name="Sign in", exact=True).click()
    expect(page).to_have_url(f"{guest.url}/")


def test_the_day_is_named_before_the_app_is_there_and_once_afterwards(devices: Devices, guest: Guest) -> None:
    day = date.fromisoformat(guest.day)
    context = devices(service_workers="block")
    sign_in(context.new_page(), guest)
    page = context.new_page()
    with without_the_shell(page):
        page.goto(guest.url, wait_until="commit")
        expect(page.locator("#frame h1")).to_have_text(re.compile(f"{day:%A},? {day.day} {day:%B}"))
    expect(body(page)).to_be_visible()
    expect(page.locator("h1")).to_have_count(1)


def test_a_screen_that_nobody_is_signed_in_for_shows_no_form_before_it_is_known_which(devices: Devices, house: Server) -> None:
    page = devices(service_workers="block").new_page()
    with without_the_shell(page):
        page.goto(f"{house.url}/signup", wait_until="commit")
        expect(page.locator("template#frame-out")).to_be_attached()
        expect(page.locator("#app > *")).to_have_count(0)
    expect(page.get_by_role("heading", level=1)).to_be_visible()


def test_who_is_signed_out_elsewhere_sees_no_navigation_from_then_on(devices: Devices, guest: Guest, watch: Watch) -> None:
    watch.expected |= {"401 /api/auth/session", "401 /api/today", "401 /api/auth/refresh"}
    context = devices(service_workers="block")
    page = context.new_page()
    sign_in(page, guest)
    page.goto("about:blank")
    guest.api.delete("/api/auth/sessions").raise_for_status()
    page.goto(guest.url)  # nobody can know it yet
    expect(page.get_by_role("heading", name="Welcome back")).to_be_visible()
    with without_the_shell(page):
        page.goto(guest.url, wait_until="commit")
        expect(page.get_by_label("Password", exact=True)).to_be_visible()
        expect(page.get_by_role("navigation")).to_have_count(0)


def test_who_was_away_for_longer_than_a_session_lasts_sees_no_navigation(devices: Devices, guest: Guest) -> None:
    context = devices(service_workers="block")
    page = context.new_page()
    sign_in(page, guest)
    left_ms = page.evaluate("localStorage.getItem('timos.known') - Date.now()")
    assert IDLE_MS - A_MINUTE_MS < left_ms <= IDLE_MS
    context.clock.install(time=(SystemClock().now_ms() + IDLE_MS + A_MINUTE_MS) / 1000)
    with without_the_shell(page):
        page.goto(guest.url, wait_until="commit")
        expect(page.locator("template#frame-in")).to_be_attached()
        expect(page.get_by_role("navigation")).to_have_count(0)
    expect(body(page)).to_be_visible()  # the server's clock is the one that counts


@pytest.mark.parametrize(
    "preferences", [{"time_zone": "Pacific/Kiritimati"}, {"time_zone": "UTC", "day_ends_at_hour": 0}, {"time_zone": "UTC", "locale": "de"}]
)
def test_a_day_that_this_device_cannot_tell_is_not_named_before_it_is_known(preferences: Json, devices: Devices, guest: Guest) -> None:
    etag = guest.api.get("/api/preferences").headers["etag"]
    guest.api.put("/api/preferences", json=preferences, headers={"If-Match": etag}).raise_for_status()
    page = devices(service_workers="block").new_page()
    sign_in(page, guest)
    page.wait_for_function("() => localStorage.getItem('timos.elsewhere')")  # of an expression the policy would refuse the second try
    with without_the_shell(page):
        page.goto(guest.url, wait_until="commit")
        expect(page.locator("#frame h1")).to_be_attached()
        expect(page.locator("#frame h1")).to_have_text("")
    expect(page.get_by_role("heading", level=1)).to_contain_text(str(date.fromisoformat(guest.day).day))
