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
from tests.support import PASSWORD, Server

pytestmark = pytest.mark.slow


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
