"""A server, a browser and devices for the tests of the web app; whatever a test does, the watch over its pages must find nothing."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, BrowserContext, Playwright, expect, sync_playwright

from tests.e2e.browser import HABITS, WAIT_MS, Watch, chromium, launch
from tests.e2e.people import Guest, new_guest
from tests.support import Json, Server, server_in

Devices = Callable[..., BrowserContext]

expect.set_options(timeout=WAIT_MS)


@pytest.fixture(scope="module")
def house(template: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A server where everybody may sign up; asked for before `playwright`, which claims the thread's event loop."""
    chromium()
    with server_in(tmp_path_factory.mktemp("house"), template=template) as server:
        yield server


@pytest.fixture(scope="module")
def playwright(house: Server) -> Iterator[Playwright]:
    with sync_playwright() as running:
        yield running


@pytest.fixture(scope="module")
def browser(playwright: Playwright) -> Iterator[Browser]:
    running = launch(playwright)
    yield running
    running.close()


@pytest.fixture
def watch(house: Server) -> Iterator[Watch]:
    watching = Watch({house.url})
    yield watching
    assert watching.found() == []


@pytest.fixture
def devices(browser: Browser, watch: Watch) -> Iterator[Devices]:
    """Makes browsers that know nothing of each other."""
    contexts: list[BrowserContext] = []

    def device(**more: Json) -> BrowserContext:
        context = browser.new_context(**{**HABITS, **more})
        context.set_default_timeout(WAIT_MS)
        watch.over(context)
        contexts.append(context)
        return context

    yield device
    for context in contexts:
        context.close()


@pytest.fixture
def guest(house: Server) -> Iterator[Guest]:
    """Somebody with two habits, a pillar and a day that is counted; not signed in in any browser."""
    with new_guest(house) as somebody:
        yield somebody
