"""What holds on every screen and in every dialog, with the demo's half year on it. The watch adds: no violation of the policy, no
other host, nothing on the console."""

from collections.abc import Iterator
from datetime import date

import pytest
from playwright.sync_api import BrowserContext, expect

from tests.e2e.browser import Watch, barriers, chromium
from tests.e2e.conftest import Devices
from tests.e2e.demo import demo_in, enter
from tests.e2e.people import body
from tests.e2e.screens import Parting, Screen, dialogs, go_to, inside, outside, partings
from tests.support import Server
from timos.kernel.clock import SystemClock
from timos.lifecycle.demo import telling

pytestmark = pytest.mark.slow

LOOKS = {"light": ("light", 1280), "dark": ("dark", 1280), "phone": ("light", 390)}
WIDTHS = (1280, 640, 390, 320)  # 640: a window of 1280 at 200 %
HEIGHT = 844
PARTINGS = ("lock", "dialog-ended", "dialog-unsent", "dialog-receipt")
FIELDS = "textarea, input[type=text], input[type=search], input:not([type])"
# a textarea goes by its form alone; an input's own word, also that it is a name or an address, goes before its form's
WOULD_BE_NOTED = """(fields) => fields.filter((one) => one.form?.autocomplete !== "off")
  .filter((one) => one.localName === "textarea" || !one.autocomplete).map((one) => one.outerHTML)"""
TAPPED = "button, select, [role=button], nav a, a.button, input:not([type=range], [type=file])"
SMALL = """(all) => all.filter((one) => one.checkVisibility({visibilityProperty: true}) && !one.closest(".visually-hidden, label"))
  .filter((one) => one.getBoundingClientRect().height < 43.5).map((one) => one.outerHTML.slice(0, 120))"""
WIDER = """() => [document.documentElement, ...document.querySelectorAll("dialog[open]")]
  .filter((one) => one.scrollWidth > one.clientWidth).map((one) => one.localName)"""


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    chromium()
    with demo_in(tmp_path_factory.mktemp("demo")) as server:
        yield server


@pytest.fixture
def today() -> date:
    return telling.today_at(SystemClock().now_ms())


@pytest.fixture
def home(devices: Devices, house: Server) -> BrowserContext:
    """A browser in which the demo's person is signed in."""
    context = devices()
    page = context.new_page()
    enter(page, house.url)
    page.close()
    return context


def test_every_screen_fits_every_width_and_has_no_barrier_that_axe_knows(home: BrowserContext, house: Server, today: date) -> None:
    found = [fault for screen in inside(today) for fault in faults(home, house.url, screen)]
    assert found == []


def test_every_dialog_fits_and_has_no_barrier_that_axe_knows(home: BrowserContext, house: Server, today: date, watch: Watch) -> None:
    watch.expected |= {
        f"412 /api/entries/{screen.path.rpartition('/')[2]}" for screen in dialogs(today) if screen.name == "dialog-conflict"
    }
    found = [fault for screen in dialogs(today) for fault in faults(home, house.url, screen)]
    assert found == []


def test_the_screens_before_signing_in_fit_and_have_no_barrier_that_axe_knows(devices: Devices, house: Server) -> None:
    context = devices()
    found = [fault for screen in outside() for fault in faults(context, house.url, screen)]
    assert found == []


@pytest.mark.parametrize("name", PARTINGS)
def test_what_ends_a_session_fits_and_has_no_barrier_that_axe_knows(
    name: str, devices: Devices, house: Server, today: date, watch: Watch
) -> None:
    parting = next(each for each in partings(today) if each.name == name)
    watch.expected |= parting.refused
    watch.is_unreached = name == "dialog-unsent"
    assert list(faults(devices(), house.url, parting)) == []


def test_every_parting_is_tried_here(today: date) -> None:
    assert [each.name for each in partings(today)] == list(PARTINGS)


def faults(context: BrowserContext, url: str, screen: Screen | Parting) -> Iterator[str]:
    """One opening serves all looks: they follow the browser."""
    page = context.new_page()
    page.set_viewport_size({"width": 390 if screen.is_for_phone else 1280, "height": HEIGHT})
    screen.open(page, url)
    for name, (scheme, width) in LOOKS.items():
        if screen.is_for_phone and name != "phone":
            continue
        page.emulate_media(color_scheme="dark" if scheme == "dark" else "light")
        page.set_viewport_size({"width": width, "height": HEIGHT})
        yield from (f"{screen.name}, {name}: {fault}" for fault in barriers(page))
    yield from (f"{screen.name}: too small for a finger: {one}" for one in page.locator(TAPPED).evaluate_all(SMALL))
    yield from (f"{screen.name}: a browser would note it: {one}" for one in page.locator(FIELDS).evaluate_all(WOULD_BE_NOTED))
    for width in WIDTHS:
        page.set_viewport_size({"width": width, "height": HEIGHT})
        yield from (f"{screen.name}: {what} is wider than {width}" for what in page.evaluate(WIDER))
    page.close()


def test_a_day_prints_without_what_is_only_for_the_screen(home: BrowserContext, house: Server, today: date) -> None:
    page = home.new_page()
    screen = next(each for each in inside(today) if each.name == "day")
    screen.open(page, house.url)
    page.emulate_media(media="print", color_scheme="dark")
    expect(page.get_by_role("navigation").filter(visible=True)).to_have_count(0)
    expect(page.get_by_role("heading", level=1)).to_be_visible()
    assert page.evaluate("getComputedStyle(document.body).color") == "rgb(29, 28, 26)"  # dark ink, also of a dark screen
    assert page.pdf().startswith(b"%PDF-")


def test_who_wants_less_motion_gets_none(home: BrowserContext, house: Server) -> None:
    page = home.new_page()
    page.goto(house.url)
    expect(body(page)).to_be_visible()
    moving = page.evaluate(
        "[...document.querySelectorAll('*')].filter((one) => parseFloat(getComputedStyle(one).transitionDuration) > 0.01).length"
    )
    assert moving == 0


def test_an_address_that_is_no_screen_says_so_and_leads_back(home: BrowserContext, house: Server) -> None:
    page = home.new_page()
    page.goto(f"{house.url}/insights")
    go_to(page, "/day/2026-13-01")
    expect(page.get_by_text("There is no such day in the calendar.")).to_be_visible()
    go_to(page, "/nowhere/at/all")
    expect(page.get_by_role("heading", level=1)).to_have_text("Not here")
    page.get_by_role("link", name="Go to today").click()
    expect(body(page)).to_be_visible()


def test_a_mistyped_address_opened_directly_is_told_in_the_app(home: BrowserContext, house: Server, watch: Watch) -> None:
    watch.expected.add("404 /nowhere")
    page = home.new_page()
    answer = page.goto(f"{house.url}/nowhere")
    assert answer is not None
    assert answer.status == 404
    expect(page.get_by_role("heading", level=1)).to_have_text("Not here")
    expect(page).to_have_title("Not here · TimOS")
    assert barriers(page) == []
