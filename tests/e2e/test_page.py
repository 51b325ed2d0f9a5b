"""The page in a real browser, against a real server: a whole day of a person, and what every view must keep."""

import re
from collections.abc import Iterator
from importlib import resources
from pathlib import Path

import pytest
from playwright.sync_api import BrowserContext, Locator, Page, Playwright, expect, sync_playwright

from tests.e2e.browser import Watch, browser_in, chromium, stores
from tests.support import PASSWORD, Json, Server, server_in

pytestmark = pytest.mark.slow

ADMIN = "admin@example.org"  # the template's
NOT_SIGNED_IN = {"401 /api/auth/session", "401 /api/auth/refresh"}  # how the page learns it; browsers report every such answer
LOOKS = {"light": ("light", 1180, 900), "dark": ("dark", 1180, 900), "phone": ("light", 390, 844), "small phone": ("dark", 320, 568)}
FULL_DAY = "2024-02-29"  # others write today
LONG_WORD = "saltmarsh" * 30
AXE = (resources.files("axe_playwright_python") / "axe.min.js").read_text(encoding="utf-8")
RUN_AXE = """async () => (await axe.run({resultTypes: ["violations"]})).violations
  .map((each) => each.id + ": " + each.nodes.map((node) => node.target.join(" ")).join(", "))"""


@pytest.fixture(scope="module")
def house(template: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A server with its admin, that takes others by invitation; asked for before `playwright`, which claims the thread's event loop."""
    chromium()
    with server_in(tmp_path_factory.mktemp("house"), template=template, TIMOS_REGISTRATION="invite") as server:
        yield server


@pytest.fixture(scope="module")
def playwright(house: Server) -> Iterator[Playwright]:
    with sync_playwright() as running:
        yield running


@pytest.fixture(scope="module")
def browser(playwright: Playwright, tmp_path_factory: pytest.TempPathFactory) -> Iterator[BrowserContext]:
    with browser_in(playwright, tmp_path_factory.mktemp("browser")) as context:
        yield context


@pytest.fixture
def tab(browser: BrowserContext) -> Iterator[Page]:
    """A tab of somebody who is not signed in."""
    browser.clear_cookies()
    page = browser.new_page()
    yield page
    page.close()


def field(page: Page, label: str) -> Locator:
    return page.get_by_label(label, exact=True)


def press(page: Page, name: str) -> None:
    page.get_by_role("button", name=name, exact=True).click()


def sign_up(page: Page, link: str, address: str) -> None:
    page.goto(link)
    expect(page).to_have_url(re.compile("/$"))  # the token has left the address
    field(page, "Address").fill(address)
    field(page, "Password").fill(PASSWORD)
    press(page, "Make account")
    expect(field(page, "Your entry")).to_be_visible()


def sign_in(page: Page, url: str, address: str) -> None:
    page.goto(url)
    field(page, "Address").fill(address)
    field(page, "Password").fill(PASSWORD)
    press(page, "Sign in")
    expect(field(page, "Your entry")).to_be_visible()


def write(page: Page, text: str) -> None:
    field(page, "Your entry").fill(text)
    expect(page.locator("#state")).to_have_text("Not saved yet")
    press(page, "Save")


def expect_saved(page: Page) -> None:
    expect(page.locator("#state")).to_have_text(re.compile(r"^Saved \d\d:\d\d, encrypted$"))


# ── a day ────────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_a_day_from_the_setup_link_to_the_next_sign_in(playwright: Playwright, tmp_path: Path) -> None:
    watch = Watch()
    with server_in(tmp_path) as server, browser_in(playwright, tmp_path / "browser") as context:
        watch.over(context)
        page = context.new_page()
        link = re.search(r"http\S+/#setup=\S+", server.log)
        assert link
        sign_up(page, link[0], "sam@example.org")
        write_and_read_back(page)
        find(page)
        meet_a_conflict(page, context.new_page(), server.url)
        assert stores(page) == {"local": {}, "session": {}, "databases": [], "caches": [], "workers": 0, "cookies": ""}
        leave_and_return(page, server.url)
        day = page.get_by_label("Go to day").input_value()

    assert watch.errors == {*NOT_SIGNED_IN, f"412 /api/entries/{day}"}
    assert watch.violations == []
    assert watch.hosts == {server.url.removeprefix("http://")}
    assert files_with(tmp_path / "browser", "quillwort", "saltmarsh", "brackwater", "heron") == []


def write_and_read_back(page: Page) -> None:
    field(page, "Title").fill("Quillwort")
    write(page, "The saltmarsh lay still.")
    expect_saved(page)
    page.reload()
    expect(field(page, "Your entry")).to_have_value("The saltmarsh lay still.")
    expect(field(page, "Title")).to_have_value("Quillwort")


def find(page: Page) -> None:
    page.get_by_role("link", name="Search").click()
    page.get_by_role("searchbox").fill("saltm*")
    press(page, "Search")
    expect(page.get_by_role("status").filter(has_text="found")).to_have_text("1 found in 1 record.")
    expect(page.locator("#hits mark")).to_have_text(["saltmarsh"])
    page.locator("#hits a").click()
    expect(field(page, "Your entry")).to_have_value("The saltmarsh lay still.")


def meet_a_conflict(page: Page, other: Page, url: str) -> None:
    other.goto(url)
    expect(field(other, "Your entry")).to_have_value("The saltmarsh lay still.")
    write(other, "The brackwater rose.")
    expect_saved(other)

    page.bring_to_front()  # a tab in the background is drawn about once a second
    write(page, "A heron came.")
    expect(page.locator("#mine")).to_have_text("Quillwort\n\nA heron came.")
    expect(page.locator("#theirs")).to_have_text("Quillwort\n\nThe brackwater rose.")
    page.keyboard.press("Escape")
    expect(page.locator("#state")).to_have_text("Conflict: not saved")
    expect(field(page, "Your entry")).to_have_value("A heron came.")

    press(page, "Save")
    press(page, "Join both")
    expect(field(page, "Your entry")).to_have_value("The brackwater rose.\n\nA heron came.")
    press(page, "Save")
    expect_saved(page)
    other.reload()
    expect(field(other, "Your entry")).to_have_value("The brackwater rose.\n\nA heron came.")
    other.close()


def leave_and_return(page: Page, url: str) -> None:
    press(page, "Log out")
    expect(page.get_by_role("heading", name="Sign in")).to_be_visible()
    page.go_back()
    assert "heron" not in page.content()
    sign_in(page, url, "sam@example.org")
    expect(field(page, "Your entry")).to_have_value("The brackwater rose.\n\nA heron came.")


def files_with(folder: Path, *words: str) -> list[Path]:
    """Files that hold one of the words, in whatever case, in one of the encodings that browsers use."""
    wanted = [word.encode(encoding) for word in words for encoding in ("utf-8", "utf-16-le")]
    files = [path for path in folder.rglob("*") if path.is_file() and not path.is_symlink()]
    assert files
    return [path for path in files if any(word in path.read_bytes().lower() for word in wanted)]


# ── coming in ────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_an_invitation_opens_the_sign_up(house: Server, tab: Page) -> None:
    link = house.command("user", "invite").stdout.strip()
    sign_up(tab, link, "guest@example.org")


def test_an_invitation_pasted_into_a_tab_that_is_open_asks_about_unsaved_words(house: Server, tab: Page) -> None:
    sign_in(tab, house.url, ADMIN)
    field(tab, "Your entry").fill("not saved")
    tab.goto(f"{house.url}/#invite=whatever")  # only the fragment changes: the page stays
    press(tab, "Stay here")
    expect(field(tab, "Your entry")).to_have_value("not saved")
    tab.goto(f"{house.url}/#invite=whatever")
    press(tab, "Go on without saving")
    expect(tab.get_by_role("heading", name="Make your account")).to_be_visible()


def test_a_wrong_password_is_told_and_nobody_is_in(house: Server, tab: Page) -> None:
    tab.goto(house.url)
    field(tab, "Address").fill(ADMIN)
    field(tab, "Password").fill("not the right one at all")
    press(tab, "Sign in")
    expect(tab.get_by_role("alert").filter(visible=True)).not_to_be_empty()
    expect(tab.locator("#app")).to_be_hidden()


def test_a_day_is_written_by_keyboard_alone(house: Server, tab: Page) -> None:
    tab.goto(house.url)
    expect(tab.get_by_role("heading", name="Sign in")).to_be_focused()
    tab.keyboard.press("Tab")
    tab.keyboard.type(ADMIN)
    tab.keyboard.press("Tab")
    tab.keyboard.type(PASSWORD)
    tab.keyboard.press("Enter")
    expect(tab.locator("#day-title")).to_be_focused()
    tab_to(tab, field(tab, "Your entry"))
    tab.keyboard.type("By hand.")
    tab_to(tab, tab.get_by_role("button", name="Save", exact=True))
    tab.keyboard.press("Enter")
    expect_saved(tab)
    tab.keyboard.press("Shift+Tab")
    tab.keyboard.type(" More.")
    tab.keyboard.press("Control+s")
    expect_saved(tab)


def tab_to(page: Page, wanted: Locator) -> None:
    """A date takes one Tab for each of its parts."""
    for _ in range(12):
        page.keyboard.press("Tab")
        if wanted.evaluate("(it) => it === document.activeElement"):
            return
    raise AssertionError(f"{wanted} is not reached by the Tab key")


# ── how it looks ─────────────────────────────────────────────────────────────────────────────────────────────────────


def test_every_view_fits_every_screen_and_has_no_barrier_that_axe_knows(house: Server, tab: Page) -> None:
    tab.goto(house.url)
    expect(tab.get_by_role("heading", name="Sign in")).to_be_visible()
    check_looks(tab)
    sign_in(tab, house.url, ADMIN)
    fill_day(tab, house.url)
    for show in (show_reading, show_writing, show_conflict, show_found):
        show(tab)
        check_looks(tab)


def check_looks(page: Page) -> None:
    page.evaluate(AXE)  # each reload forgets it
    for name, (scheme, width, height) in LOOKS.items():
        page.emulate_media(color_scheme="dark" if scheme == "dark" else "light")
        page.set_viewport_size({"width": width, "height": height})
        assert page.evaluate("document.documentElement.scrollWidth") <= width, f"{name}: wider than the screen"
        for dialog in page.locator("dialog[open]").all():
            assert dialog.evaluate("(it) => it.scrollWidth <= it.clientWidth"), f"{name}: the dialog is wider than its frame"
        assert page.evaluate(RUN_AXE) == [], name


def fill_day(page: Page, url: str) -> None:
    """What other clients write: everything that the page shows and does not make itself."""
    answer = page.request.get(f"{url}/api/auth/session").json()
    headers = {"X-CSRF-Token": answer["csrf_token"], "Origin": url}
    entry = {
        "title": LONG_WORD[:150],
        "body": f"A long word: {LONG_WORD}",
        "tags": ["river", LONG_WORD[:40]],
    }
    morning = {
        "mental_state": 4,
        "strongest_emotion": "hopeful",
        "emotions": ["hopeful", "tired"],
        "avoiding": LONG_WORD,
        "sleep_hours": 7.5,
    }
    evening = {"energy_givers": ["a walk"], "pressure_or_purpose": -1, "honest_note": LONG_WORD}
    documents: dict[str, Json] = {f"entries/{FULL_DAY}": entry, f"feels/{FULL_DAY}/morning": morning, f"feels/{FULL_DAY}/evening": evening}
    for path, document in documents.items():
        stored = page.request.put(f"{url}/api/{path}", headers=headers, data=document)
        assert stored.ok, stored.text()
    noted = page.request.post(
        f"{url}/api/entries/{FULL_DAY}/notes", headers={**headers, "Idempotency-Key": "n" * 22}, data={"text": LONG_WORD}
    )
    assert noted.ok, noted.text()


def show_reading(page: Page) -> None:
    page.goto(f"{page.url}#day={FULL_DAY}")
    expect(page.locator("#read-body")).to_have_text(re.compile("A long word"))


def show_writing(page: Page) -> None:
    press(page, "Edit")
    expect(field(page, "Your entry")).to_be_focused()


def show_conflict(page: Page) -> None:
    other = page.context.new_page()
    other.goto(page.url)
    press(other, "Edit")
    write(other, f"Another one: {LONG_WORD}")
    expect_saved(other)
    other.close()
    write(page, f"Mine: {LONG_WORD}")
    expect(page.get_by_role("dialog")).to_be_visible()


def show_found(page: Page) -> None:
    press(page, "Keep mine")
    expect_saved(page)
    page.get_by_role("link", name="Search").click()
    page.get_by_role("searchbox").fill("mine")
    press(page, "Search")
    expect(page.locator("#hits mark")).to_have_text(["Mine"])
