"""With keys alone: everything can be reached, and a day can be written."""

import re

import pytest
from playwright.sync_api import Locator, Page, expect

from tests.e2e.conftest import Devices
from tests.e2e.people import SAVED, Guest, body, card, expect_stored, sign_in, state
from tests.support import PASSWORD

pytestmark = pytest.mark.slow

PATHS = ("/", "/calendar", "/insights", "/week?step=2", "/pillars", "/habits", "/moods", "/search", "/settings/journal", "/settings/data")
LONGEST_WAY = 150
# of radio buttons with one name only one is on the way
STOPS = """() => {
  const groups = new Set();
  return [...document.querySelectorAll("a[href], button, input, select, textarea, summary, [tabindex='0']")].filter((one) => {
    if (one.disabled || one.tabIndex < 0 || one.type === "file" || !one.checkVisibility({visibilityProperty: true})) return false;
    if (one.type !== "radio") return true;
    const chosen = document.querySelector(`input[name="${one.name}"]:checked`);
    const isStop = chosen ? chosen === one : !groups.has(one.name);
    groups.add(one.name);
    return isStop;
  });
}"""


@pytest.mark.parametrize("path", PATHS)
def test_tab_reaches_everything(path: str, devices: Devices, guest: Guest) -> None:
    page = devices().new_page()
    sign_in(page, guest)
    page.goto(guest.url + path)
    expect(page.get_by_role("heading", level=1)).not_to_be_empty()
    expect(page.get_by_text(re.compile("^(One moment|Counting)…$")).filter(visible=True)).to_have_count(0)
    page.evaluate(f"window.stops = ({STOPS})(); window.met = new Set(); addEventListener('focusin', (event) => met.add(event.target))")
    stops = page.evaluate("stops.length")
    assert stops > 10
    for _ in range(stops + 10):
        page.keyboard.press("Tab")
    assert page.evaluate("stops.filter((one) => one.isConnected && !met.has(one)).map((one) => one.outerHTML.slice(0, 160))") == []


def test_a_day_is_written_by_keyboard_alone(devices: Devices, guest: Guest) -> None:
    page = devices().new_page()
    page.goto(guest.url)
    tab_to(page, page.get_by_label("E-mail address"))
    page.keyboard.type(guest.address)
    tab_to(page, page.get_by_label("Password", exact=True))
    page.keyboard.type(PASSWORD)
    page.keyboard.press("Enter")
    expect(body(page)).to_be_visible()

    page.keyboard.press("4")
    expect(card(page, "Morning pulse").get_by_role("radio", name="Good")).to_be_checked()
    expect(page.get_by_text("Your mind this morning: Good")).to_be_attached()
    page.keyboard.press("n")
    expect(body(page)).to_be_focused()
    page.keyboard.type("By hand, not by 5 mice. ? n t [ ]")
    expect(state(page)).to_have_text(SAVED)
    tab_to(page, page.get_by_role("checkbox", name="Water"))
    page.keyboard.press("Space")
    expect(page.get_by_role("checkbox", name="Water")).to_be_checked()
    mood = card(page, "How is it right now?")
    tab_to(page, mood.get_by_role("button", name="Great"))
    page.keyboard.press("Enter")
    tab_to(page, mood.get_by_label("A few words, if you like"))
    page.keyboard.type("Quiet.")
    page.keyboard.press("Enter")
    expect(mood.get_by_text("Quiet.")).to_be_visible()
    assert guest.entry(guest.day)["body"] == "By hand, not by 5 mice. ? n t [ ]"
    expect_stored(guest.ticked, ["Water"])
    expect_stored(lambda: [each["note"] for each in guest.moods()], ["Quiet."])


def test_keys_lead_from_place_to_place(devices: Devices, guest: Guest) -> None:
    page = devices().new_page()
    sign_in(page, guest)
    page.keyboard.press("?")
    expect(page.get_by_role("dialog", name="Keys")).to_be_visible()
    page.keyboard.press("t")  # over a dialog keys do nothing
    expect(page.get_by_role("dialog", name="Keys")).to_be_visible()
    page.keyboard.press("Escape")
    expect(page.get_by_role("dialog")).to_have_count(0)

    page.keyboard.press("[")
    expect(page).to_have_url(re.compile(r"/day/\d{4}-\d\d-\d\d$"))
    expect(page.get_by_role("heading", level=1)).to_be_focused()
    page.keyboard.press("]")
    expect(page).to_have_url(f"{guest.url}/")
    expect(body(page)).to_be_visible()

    page.keyboard.press("Control+k")
    expect(page.get_by_role("combobox")).to_be_focused()
    page.keyboard.type("Insights")
    expect(page.get_by_role("option", name="Insights")).to_have_attribute("aria-selected", "true")
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", level=1)).to_have_text("Insights")
    page.keyboard.press("n")
    expect(body(page)).to_be_focused()

    page.keyboard.press("Control+Shift+L")
    expect(page.get_by_role("heading", name=re.compile("^Locked"))).to_be_visible()
    page.keyboard.press("Control+k")
    expect(page.get_by_role("dialog")).to_have_count(0)
    page.get_by_label("Password", exact=True).fill(PASSWORD)
    page.keyboard.press("Enter")
    expect(body(page)).to_be_visible()


def tab_to(page: Page, wanted: Locator) -> None:
    for _ in range(LONGEST_WAY):
        if wanted.evaluate("(it) => it === document.activeElement"):
            return
        page.keyboard.press("Tab")
    raise AssertionError(f"{wanted} is not reached by the Tab key")
