"""What somebody typed is never lost: reload, crash, no network, another tab, another device, an ended session."""

import re
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import Dialog, Page, Playwright, Route, expect

from tests.e2e.browser import Watch, browser_in, files_with, stores
from tests.e2e.conftest import Devices
from tests.e2e.people import (
    KEPT_HERE,
    SAVED,
    Guest,
    body,
    card,
    expect_stored,
    new_guest,
    press,
    sign_in,
    state,
    wait_for_answers,
    wait_for_shell,
    write,
)
from tests.support import PASSWORD, Server, server_in

pytestmark = pytest.mark.slow

NEXT_TRY_MS = 45_000  # nothing tells a browser that a server is back; it asks again after a while, and each time later


@pytest.fixture
def page(devices: Devices, guest: Guest) -> Page:
    """A tab of somebody who has just signed in, on Today."""
    opened = devices().new_page()
    sign_in(opened, guest)
    return opened


def test_a_reload_in_the_middle_of_a_word_keeps_the_words_and_the_caret(page: Page) -> None:
    warnings: list[Dialog] = []

    def stay_a_moment(dialog: Dialog) -> None:
        warnings.append(dialog)  # on a slow machine not even the device has the last letter yet, and the page says so
        dialog.accept()

    page.on("dialog", stay_a_moment)
    write(page, "The heron left")
    page.keyboard.press("Control+ArrowLeft")
    page.keyboard.type("never")
    page.reload()
    expect(body(page)).to_be_focused()
    if warnings:
        return
    page.keyboard.type(" ")
    expect(body(page)).to_have_value("The heron never left")
    expect(state(page)).to_have_text(SAVED)


def test_a_killed_server_gets_every_word_when_it_is_back(devices: Devices, watch: Watch, template: Path, tmp_path: Path) -> None:
    watch.is_unreached = True
    page = devices().new_page()
    with server_in(tmp_path, template=template) as server, new_guest(server) as guest:
        watch.homes.add(server.url)
        sign_in(page, guest)
        write(page, "Before.")
        expect(state(page)).to_have_text(SAVED)
        server.process.kill()
        write(page, " While nobody answers.")
        expect(state(page)).to_have_text(KEPT_HERE)
        page.get_by_role("checkbox", name="Water").check()
        expect(page.get_by_text("1 change waits to be sent.")).to_be_visible()
        with server_in(tmp_path, TIMOS_PORT=server.environment["TIMOS_PORT"], TIMOS_SERVER=server.url):
            expect(state(page)).to_have_text(SAVED, timeout=NEXT_TRY_MS)
            expect(page.get_by_text("1 change waits to be sent.")).to_be_hidden(timeout=NEXT_TRY_MS)
            assert guest.entry(guest.day)["body"] == "Before. While nobody answers."
            expect_stored(guest.ticked, ["Water"])


def test_without_the_network_the_app_opens_and_a_day_goes_on(page: Page, guest: Guest, watch: Watch) -> None:
    watch.is_unreached = True
    wait_for_shell(page)
    write(page, "Written with the network.")
    expect(state(page)).to_have_text(SAVED)
    page.context.set_offline(True)
    write(page, " And without.")
    expect(state(page)).to_have_text(KEPT_HERE)
    page.reload()
    expect(page.get_by_text("Offline. You can write")).to_be_visible()
    expect(body(page)).to_have_value("Written with the network. And without.")
    write(page, " And after a reload.")
    expect(state(page)).to_have_text(KEPT_HERE)
    page.get_by_role("checkbox", name="Water").check()
    note(page, "A heron.")
    expect(page.get_by_text("waits to be sent", exact=False).first).to_be_visible()
    page.reload()
    expect(page.get_by_role("checkbox", name="Water")).to_be_checked()
    expect(card(page, "Today’s entry").get_by_text("A heron.")).to_be_visible()

    page.context.set_offline(False)
    expect(state(page)).to_have_text(SAVED)
    expect(page.get_by_text("waits to be sent")).to_have_count(0)
    stored = guest.entry(guest.day)
    assert stored["body"] == "Written with the network. And without. And after a reload."
    assert [each["text"] for each in stored["notes"]] == ["A heron."]
    expect_stored(guest.ticked, ["Water"])


def note(page: Page, words: str) -> None:
    page.get_by_label("A note with its time").fill(words)
    page.keyboard.press("Enter")


def test_a_note_and_a_mood_whose_answer_was_lost_count_once(devices: Devices, guest: Guest, watch: Watch) -> None:
    watch.is_unreached = True
    watch.expected.add("Service Worker registration blocked by Playwright")
    context = devices(service_workers="block")  # answers can be lost only where the page itself asks
    page = context.new_page()
    sign_in(page, guest)
    lost: list[str] = []

    def lose_first_answer(route: Route) -> None:
        path = urlsplit(route.request.url).path
        if path in lost:
            return route.continue_()
        lost.append(path)
        assert route.fetch().ok
        return route.abort("connectionreset")

    context.route("**/notes", lose_first_answer)
    context.route("**/moods/log", lose_first_answer)
    waits = page.get_by_text("1 change waits to be sent.")
    note(page, "Only once.")
    expect(waits).to_be_visible()
    expect(waits).to_be_hidden()
    mood = card(page, "How is it right now?")
    press(mood, "Great")
    mood.get_by_label("A few words, if you like").fill("Once too.")
    mood.get_by_role("button", name=re.compile("^Log it at")).click()
    expect(waits).to_be_visible()
    expect(waits).to_be_hidden()
    assert len(lost) == 2
    assert [each["text"] for each in guest.entry(guest.day)["notes"]] == ["Only once."]
    assert [each["note"] for each in guest.moods()] == ["Once too."]


def test_an_answer_from_before_the_last_word_does_not_undo_it(devices: Devices, guest: Guest, watch: Watch) -> None:
    watch.expected.add("Service Worker registration blocked by Playwright")
    context = devices(service_workers="block")
    page = context.new_page()
    sign_in(page, guest)
    before = guest.api.get("/api/today").text
    write(page, "Here to stay.")
    card(page, "Morning pulse").get_by_role("radio", name="Good").check(force=True)
    expect(state(page)).to_have_text(SAVED)
    expect(state(page, "Morning pulse")).to_have_text(SAVED)
    context.route("**/api/today*", lambda route: route.fulfill(body=before, content_type="application/json"))
    page.get_by_role("link", name="Habits").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Habits")
    page.get_by_role("link", name="Today").click()
    expect(body(page)).to_have_value("Here to stay.")
    expect(card(page, "Morning pulse").get_by_role("radio", name="Good")).to_be_checked()
    write(page, " And more.")
    expect(state(page)).to_have_text(SAVED)
    assert guest.entry(guest.day)["body"] == "Here to stay. And more."


def test_a_session_that_ended_under_way_goes_on_in_place(page: Page, guest: Guest, watch: Watch) -> None:
    day = guest.day
    watch.expected |= {f"401 /api/entries/{day}", "401 /api/auth/refresh"}
    wait_for_answers(page)  # no other call finds out first
    guest.api.delete("/api/auth/sessions").raise_for_status()
    write(page, "Nobody asked me to leave.")
    again = page.get_by_role("dialog", name="Sign in")
    expect(again).to_be_visible()
    page.keyboard.type(" typed on")
    expect(again).to_be_visible()
    expect(again.get_by_label("Password")).to_have_value("")
    expect(state(page)).to_have_text("Kept on this device")
    again.get_by_label("Password").fill(PASSWORD)
    press(again, "Sign in")
    expect(again).to_be_hidden()
    expect(state(page)).to_have_text(SAVED)
    expect(body(page)).to_have_value("Nobody asked me to leave.")
    assert guest.entry(day)["body"] == "Nobody asked me to leave."


# ── two at once ──────────────────────────────────────────────────────────────────────────────────────────────────────


def test_two_tabs_that_change_different_fields_are_merged_without_a_word(page: Page, guest: Guest, watch: Watch) -> None:
    watch.expected |= {f"412 /api/entries/{guest.day}"}
    other = page.context.new_page()
    other.goto(guest.url)
    write(other, "From the other tab.")
    expect(state(other)).to_have_text(SAVED)
    page.bring_to_front()
    page.get_by_label("Title", exact=True).fill("From this tab")
    expect(body(page)).to_have_value("From the other tab.")
    expect(state(page)).to_have_text(SAVED)
    stored = guest.entry(guest.day)
    assert (stored["title"], stored["body"]) == ("From this tab", "From the other tab.")


@pytest.mark.parametrize(
    ("choice", "outcome"),
    [("Keep mine", "A heron came."), ("Keep theirs", "The water rose."), ("Join both", "The water rose.\n\nA heron came.")],
)
def test_two_devices_that_change_one_field_are_shown_side_by_side(
    choice: str, outcome: str, page: Page, devices: Devices, guest: Guest, watch: Watch
) -> None:
    watch.expected |= {f"412 /api/entries/{guest.day}"}
    other = devices().new_page()
    sign_in(other, guest)
    write(other, "The water rose.")
    expect(state(other)).to_have_text(SAVED)
    write(page, "A heron came.")
    both = page.get_by_role("dialog", name="Written in two places")
    press(page, "Look at it")
    expect(both.get_by_role("region", name="Mine, from here")).to_contain_text("A heron came.")
    expect(both.get_by_role("region", name="Theirs, from the server")).to_contain_text("The water rose.")
    page.keyboard.press("Escape")  # to look once more; nothing is decided
    expect(state(page)).to_have_text("Conflict")
    expect(body(page)).to_have_value("A heron came.")
    press(page, "Look at it")
    press(both, choice)
    expect(body(page)).to_have_value(outcome)
    expect(state(page)).to_have_text(SAVED)
    assert guest.entry(guest.day)["body"] == outcome


def test_a_conflict_stops_nobody_who_is_typing_and_waits_through_reloads(page: Page, devices: Devices, guest: Guest, watch: Watch) -> None:
    watch.expected |= {f"412 /api/entries/{guest.day}"}
    other = devices().new_page()
    sign_in(other, guest)
    other.get_by_label("Title", exact=True).fill("From the other")
    write(other, "Rain. The water rose.")
    expect(state(other)).to_have_text(SAVED)
    write(page, "Rain. A heron came.")
    expect(state(page)).to_have_text("Conflict")
    expect(body(page)).to_be_focused()
    page.keyboard.type(" It stayed.")
    for _ in range(2):
        wait_until_kept(page)
        page.reload()
        expect(state(page)).to_have_text("Conflict")
        expect(body(page)).to_have_value("Rain. A heron came. It stayed.")
    assert guest.entry(guest.day)["body"] == "Rain. The water rose."
    press(card(page, "Today’s entry"), "Look at it")
    press(page, "Join both")
    expect(state(page)).to_have_text(SAVED)
    stored = guest.entry(guest.day)
    assert (stored["title"], stored["body"]) == ("From the other", "Rain. The water rose.\n\nA heron came. It stayed.")


def wait_until_kept(page: Page) -> None:
    """The device has every letter: the page would let go without asking."""
    page.evaluate(
        "async () => { while (!dispatchEvent(new Event('beforeunload', {cancelable: true}))) await new Promise(requestAnimationFrame); }"
    )


def test_a_mood_is_taken_back_and_the_taking_back_is_undone(page: Page, guest: Guest) -> None:
    for mood, note in (("low", "A bad line."), ("good", "Stays.")):
        guest.api.post("/api/moods/log", json={"mood": mood, "note": note, "tags": ["work"]}).raise_for_status()
    first = guest.moods()[0]
    for path, of in (("", "How is it right now?"), ("/moods", "The last 30 days")):
        page.goto(guest.url + path)
        diary = card(page, of)
        diary.get_by_role("button", name=re.compile("^Take back Low")).click()
        expect(diary.get_by_text("A bad line.")).to_be_hidden()
        expect(page.get_by_text("The mood is taken back.")).to_be_visible()
        expect_stored(lambda: [each["note"] for each in guest.moods()], ["Stays."])
        press(page, "Undo")
        expect(diary.get_by_text("A bad line.")).to_be_visible()
        expect_stored(lambda: [{**each, "id": first["id"]} for each in guest.moods() if each["note"] == first["note"]], [first])


# ── leaving ──────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_who_logs_out_with_something_unsent_is_warned_and_leaves_nothing_behind(page: Page, guest: Guest, watch: Watch) -> None:
    watch.is_unreached = True
    wait_for_shell(page)
    page.context.set_offline(True)
    write(page, "Not at the server.")
    expect(state(page)).to_have_text(KEPT_HERE)
    page.evaluate("history.pushState(null, '', '/settings/security'); dispatchEvent(new PopStateEvent('popstate'))")
    press(page, "Log out")
    warning = page.get_by_role("dialog", name="Something is not sent yet")
    expect(warning).to_contain_text("has not reached the server")
    assert stores(page)["sealed"]["sealed"] > 0
    press(warning, "Stay, and send it first")
    page.context.set_offline(False)
    page.get_by_role("link", name="Today").click()
    expect(state(page)).to_have_text(SAVED)
    assert guest.entry(guest.day)["body"] == "Not at the server."

    leave(page)
    page.go_back()
    expect(page.get_by_role("heading", name="Welcome back")).to_be_visible()
    left = stores(page)
    assert (left["local"], left["cookies"]) == ({}, "")
    assert not any(left["sealed"].values())


def test_logging_out_shreds_the_keys_also_where_a_browser_clears_nothing(devices: Devices, guest: Guest, watch: Watch) -> None:
    """Clear-Site-Data would hide it if the app forgot: it is taken out of every answer."""
    watch.expected.add("Service Worker registration blocked by Playwright")
    context = devices(service_workers="block")
    page = context.new_page()
    sign_in(page, guest)
    cleared: list[str] = []

    def keep_site_data(route: Route) -> None:
        answer = route.fetch()
        cleared.append(answer.headers.get("clear-site-data", ""))
        headers = {name: value for name, value in answer.headers.items() if name != "clear-site-data"}
        route.fulfill(response=answer, headers=headers)

    context.route("**/api/auth/logout*", keep_site_data)
    write(page, "Seen by the server.")
    expect(state(page)).to_have_text(SAVED)
    assert stores(page)["sealed"]["keys"] > 0
    leave(page)
    assert len(cleared) == 1
    assert cleared[0]
    left = stores(page)
    assert left["sealed"] == {"keys": 0, "sealed": 0}
    assert "timos.known" not in left["local"]


def leave(page: Page) -> None:
    page.get_by_role("link", name="Settings").click()
    page.get_by_role("main").get_by_role("link", name="Security").click()
    press(page, "Log out")
    expect(page.get_by_role("heading", name="Welcome back")).to_be_visible()


def test_nothing_of_the_journal_is_in_clear_in_the_browser(playwright: Playwright, house: Server, guest: Guest, tmp_path: Path) -> None:
    """Looked for while something is unsent and the browser runs, and once more when it is closed."""
    watch = Watch({house.url}, is_unreached=True)
    words = ("quillwort", "saltmarsh", "brackwater", "heronry", "peewit", "sedgebank")
    with browser_in(playwright, tmp_path / "browser") as context:
        watch.over(context)
        page = context.new_page()
        sign_in(page, guest, "/search")
        page.get_by_role("searchbox").fill("peewit*")
        expect(page.get_by_text("Nothing has all of these words.")).to_be_visible()
        page.goto(f"{guest.url}/week?step=4")
        page.get_by_role("textbox", name="Reflection").fill("Sedgebank.")
        expect(page.locator("[data-state=saved]")).to_be_visible()
        page.goto(guest.url)
        wait_for_shell(page)
        page.get_by_label("What are you avoiding?").fill("The heronry")
        page.get_by_label("Title", exact=True).fill("Quillwort")
        write(page, "The saltmarsh lay still.")
        expect(state(page)).to_have_text(SAVED)
        context.set_offline(True)
        write(page, " Brackwater.")
        note(page, "Brackwater again.")
        expect(state(page)).to_have_text(KEPT_HERE)
        kept = stores(page)
        assert kept["sealed"]["sealed"] > 0
        assert kept["cookies"] == ""
        assert set(kept["local"]) <= {"timos.known", "timos.appearance"}
        assert set(kept["session"]) <= {"timos.tab", "timos.caret"}
        assert {path for path in kept["shell"] if not path.startswith(("/assets/", "/icons/"))} == {"/", "/manifest.webmanifest"}
        assert files_with(tmp_path / "browser", *words) == []
    assert files_with(tmp_path / "browser", *words) == []
    assert watch.found() == []
