"""How a session ends in the browser, and what does not end it."""

import re

import pytest
from playwright.sync_api import Request, Route, expect

from tests.e2e.browser import Watch
from tests.e2e.conftest import Devices
from tests.e2e.people import KEPT_HERE, SAVED, Guest, body, press, sign_in, state, wait_for_answers, write
from tests.support import PASSWORD

pytestmark = pytest.mark.slow


@pytest.fixture(autouse=True)
def only_the_network(watch: Watch) -> None:
    """A service worker would hide some of the calls that are held back here."""
    watch.expected.add("Service Worker registration blocked by Playwright")


@pytest.mark.parametrize("way", ["Lock", "Log out"])
def test_what_is_being_read_is_given_up_before_the_session_ends(way: str, devices: Devices, guest: Guest) -> None:
    """On a slow machine it would come after the end, and its refusal would be taken for a session that ran out."""
    page = devices(service_workers="block").new_page()
    sign_in(page, guest, "/settings/profile")
    given_up: list[Request] = []
    page.on("requestfailed", lambda request: given_up.append(request))  # noqa: PLW0108 (Playwright marks its listener, and a builtin takes no mark)

    def end_when_it_is_given_up(route: Route) -> None:
        if not given_up:
            page.wait_for_event("requestfailed")
        route.continue_()

    page.route("**/api/auth/sessions", lambda _: None)  # is never answered
    page.route("**/api/auth/logout*", end_when_it_is_given_up)
    with page.expect_request("**/api/auth/sessions"):
        page.get_by_role("link", name="Security").first.click()
    press(page.get_by_role("main"), way)
    expect(page.get_by_label("Password", exact=True)).to_be_visible()
    assert given_up[0].url.endswith("/api/auth/sessions")


def test_a_server_that_cannot_renew_a_session_just_now_has_not_ended_it(devices: Devices, guest: Guest, watch: Watch) -> None:
    watch.expected |= {"503 /api/auth/refresh", f"401 /api/entries/{guest.day}"}
    context = devices(service_workers="block")
    page = context.new_page()
    sign_in(page, guest)
    wait_for_answers(page)
    context.clear_cookies(name=re.compile("access"))
    page.route("**/api/auth/refresh", lambda route: route.fulfill(status=503), times=1)
    write(page, "Just a moment.")
    expect(state(page)).to_have_text(KEPT_HERE)
    expect(state(page)).to_have_text(SAVED)
    expect(page.get_by_role("dialog")).to_have_count(0)
    assert guest.entry(guest.day)["body"] == "Just a moment."


def test_a_server_that_answers_nothing_keeps_nobody_from_locking(devices: Devices, guest: Guest) -> None:
    page = devices(service_workers="block").new_page()
    sign_in(page, guest)
    wait_for_answers(page)
    for path in ("**/api/entries/**", "**/api/auth/logout"):
        page.route(path, lambda _: None, times=1)
    write(page, "Not for your eyes.")
    page.keyboard.press("Control+Shift+L")
    expect(page.locator("body")).to_be_hidden()  # at once, and while it is still tried to send
    page.get_by_label("Password", exact=True).fill(PASSWORD)
    press(page, "Unlock")
    expect(body(page)).to_have_value("Not for your eyes.")
    expect(state(page)).to_have_text(SAVED)
