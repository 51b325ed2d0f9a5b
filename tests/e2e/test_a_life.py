"""One person from the setup link to the erased account, all of it in the app."""

import json
import re
import zipfile
from pathlib import Path

import pytest
from playwright.sync_api import BrowserContext, Page, Playwright, expect

from tests.e2e.browser import Watch, browser_in, stores
from tests.e2e.people import SAVED, body, card, press, state
from tests.support import PASSWORD, Server, server_in

pytestmark = pytest.mark.slow

ADDRESS = "sam@example.org"
WORDS = "The saltmarsh lay still."


def test_from_the_setup_link_to_the_receipt(playwright: Playwright, tmp_path: Path) -> None:
    with server_in(tmp_path) as server, browser_in(playwright, tmp_path / "browser") as context:
        watch = Watch({server.url})
        watch.over(context)
        page = context.new_page()
        sign_up(page, server)
        be_welcomed(page)
        live_a_day(page)
        look_back_on_the_week(page)
        leave(page)
        watch.expected |= {"401 /api/auth/login"}
        come_back(page, server)
        take_everything_out(page)
        bring_something_in(page)
        erase(page)
        find_nobody(page, context)
        assert watch.found() == []


def sign_up(page: Page, server: Server) -> None:
    link = re.search(r"http\S+/#setup=\S+", server.log)
    assert link
    page.goto(link[0])
    expect(page).to_have_url(re.compile("/signup$"))  # the token has left the address
    page.get_by_label("Name").fill("Sam")
    page.get_by_label("E-mail address").fill(ADDRESS)
    page.get_by_label("Password", exact=True).fill(PASSWORD)
    press(page, "Make my account")


def be_welcomed(page: Page) -> None:
    expect(page.get_by_role("heading", name="Good to have you, Sam")).to_be_visible()
    press(page, "Next")
    press(page, "Health")
    page.get_by_label("Something else").fill("The garden")
    page.keyboard.press("Enter")
    expect(page.get_by_text("Chosen: Health and The garden")).to_be_visible()
    press(page, "Next")
    press(page, "Glass of water")
    press(page, "Next")
    page.get_by_role("radio", name="Good").check(force=True)  # the face over it is what a hand meets
    expect(page.get_by_text("Noted. That was your first pulse.")).to_be_visible()
    page.get_by_role("link", name="Write the first line").click()
    expect(body(page)).to_be_focused()


def live_a_day(page: Page) -> None:
    pulse = card(page, "Morning pulse")
    expect(pulse.get_by_role("radio", name="Good")).to_be_checked()
    press(pulse, "Hopeful")
    pulse.get_by_label("What are you avoiding?").fill("The dentist")
    pulse.get_by_label("Hours slept").fill("7:30")
    expect(state(page, "Morning pulse")).to_have_text(SAVED)

    page.get_by_label("Title", exact=True).fill("Quillwort")
    body(page).press_sequentially(WORDS)
    expect(state(page)).to_have_text(SAVED)

    evening = card(page, "Evening reflection")
    begin = evening.get_by_role("button", name="Begin now")
    gave = evening.get_by_label("What gave you energy?")
    expect(begin.or_(gave)).to_be_visible()
    if begin.is_visible():  # before 18:00
        begin.click()
    gave.fill("A walk")
    gave.press("Enter")
    evening.get_by_role("radio", name="More purpose").check(force=True)
    evening.get_by_label("One honest note").fill("I was proud of it.")
    expect(state(page, "Evening reflection")).to_have_text(SAVED)

    page.get_by_role("checkbox", name="Glass of water").check()
    mood = card(page, "How is it right now?")
    press(mood, "Great")
    mood.get_by_label("A few words, if you like").fill("Herons.")
    mood.get_by_role("button", name=re.compile("^Log it at")).click()
    expect(mood.get_by_text("Herons.")).to_be_visible()


def look_back_on_the_week(page: Page) -> None:
    page.get_by_role("link", name="Week", exact=True).click()
    expect(page.get_by_role("region", name="The seven days")).to_contain_text("Quillwort")
    page.get_by_role("textbox", name=re.compile("Highlights")).first.fill("The herons came back.")
    press(page, "On to the pillars")
    page.get_by_role("slider", name="Health").fill("8")
    press(page, "On to the patterns")
    expect(page.get_by_role("heading", name="Patterns", exact=True)).to_be_visible()
    press(page, "On to next week")
    page.get_by_role("textbox", name=re.compile("Course corrections")).first.fill("Call the dentist")
    page.get_by_role("textbox", name="Reflection").fill("Less is enough.")
    press(page, "Complete the week")
    expect(page.get_by_role("heading", name=re.compile(r"^Week \d+ is complete\.$"))).to_be_visible()
    page.reload()
    for words in ("The herons came back.", "Call the dentist", "Less is enough."):
        expect(page.get_by_role("main").get_by_text(words).first).to_be_visible()


def leave(page: Page) -> None:
    to_settings(page, "Security")
    press(page, "Log out")
    expect(page.get_by_role("heading", name="Welcome back")).to_be_visible()


def to_settings(page: Page, section: str) -> None:
    page.get_by_role("link", name="Settings").first.click()
    page.get_by_role("main").get_by_role("link", name=section).first.click()
    expect(page.get_by_role("heading", level=1)).to_have_text(section)


def come_back(page: Page, server: Server) -> None:
    for password in ("not the right one at all", PASSWORD):
        page.get_by_label("E-mail address").fill(ADDRESS)
        page.get_by_label("Password", exact=True).fill(password)
        press(page, "Sign in")
        if password != PASSWORD:
            expect(page.get_by_role("alert")).not_to_be_empty()
    expect(body(page)).to_have_value(WORDS)
    expect(page.get_by_label("Title", exact=True)).to_have_value("Quillwort")
    expect(page.get_by_role("checkbox", name="Glass of water")).to_be_checked()
    expect(card(page, "Morning pulse").get_by_label("What are you avoiding?")).to_have_value("The dentist")
    expect(card(page, "Evening reflection").get_by_label("One honest note")).to_have_value("I was proud of it.")
    expect(card(page, "How is it right now?").get_by_text("Herons.")).to_be_visible()


def take_everything_out(page: Page) -> None:
    to_settings(page, "Your data")
    press(page, "Export…")
    page.get_by_label("Your password again").fill(PASSWORD)
    with page.expect_download() as download:
        press(page, "Export")
    with zipfile.ZipFile(download.value.path()) as archive:
        assert archive.testzip() is None
        assert any(WORDS.encode() in archive.read(name) for name in archive.namelist() if name.endswith(".md"))


def bring_something_in(page: Page) -> None:
    """Two days, one of which stands there already the second time."""
    lines = "".join(json.dumps({"date": f"2020-05-0{day}", "text": f"Brackwater {day}."}) + "\n" for day in (1, 2))
    with page.expect_file_chooser() as chooser:
        press(page, "Choose a file")
    chooser.value.set_files({"name": "days.jsonl", "mimeType": "application/x-ndjson", "buffer": lines.encode()})
    expect(page.get_by_role("heading", name="What would happen")).to_be_visible()
    press(page, "Import 2 records")
    expect(page.get_by_role("heading", name="What happened")).to_be_visible()
    page.get_by_role("button", name=re.compile("^Undo the import of")).click()
    expect(page.get_by_text("2 records taken out again.")).to_be_visible()
    expect(page.get_by_text("Nothing was imported yet.")).to_be_visible()


def erase(page: Page) -> None:
    page.get_by_role("link", name="Erase my account…").click()
    everything = page.get_by_role("button", name="Erase everything")
    page.get_by_label("Your password again").fill(PASSWORD)
    expect(everything).to_be_disabled()
    page.get_by_label("Type “erase my account”").fill("erase my account")
    everything.click()
    done = page.get_by_role("dialog", name="It is done")
    expect(done).to_be_visible()
    with page.expect_download() as download:
        press(done, "Save the receipt")
    assert "Receipt: " in download.value.path().read_text(encoding="utf-8")
    press(done, "Leave")


def find_nobody(page: Page, context: BrowserContext) -> None:
    expect(page.get_by_role("heading", name="Welcome back")).to_be_visible()
    left = stores(page)
    assert (left["local"], left["cookies"], any(left["sealed"].values())) == ({}, "", False)
    assert not context.cookies()
    expect(page.get_by_text("Nobody lives here yet.")).to_be_visible()  # the first account was the only one
