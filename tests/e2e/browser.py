"""A real browser, and a watch over all that its pages say and ask for."""

import os
import re
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import BrowserContext, ConsoleMessage, Page, Playwright, Request, WebError

from tests.support import NOT_RUN, Json

ARGUMENTS = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE localhost",  # tests talk to this machine only; the browser is no exception
)
WAIT_MS = 10_000

# from everything that violates the policy, also where the browser's console keeps silent
_TELL_VIOLATIONS = (
    "addEventListener('securitypolicyviolation', (event) => tellViolation(event.violatedDirective + ' ' + event.blockedURI));"
)
_FAILED = re.compile(r"Failed to load resource: the server responded with a status of (\d+)")
_STORES = """async () => ({
  local: {...localStorage},
  session: {...sessionStorage},
  databases: await indexedDB.databases(),
  caches: await caches.keys(),
  workers: (await navigator.serviceWorker.getRegistrations()).length,
  cookies: document.cookie,
})"""


@dataclass  # no slots: Playwright keeps a note on whoever listens
class Watch:
    """`errors`: of the console, as "412 /api/…" for an answer that is not a success; and of scripts."""

    errors: set[str] = field(default_factory=set)
    violations: list[str] = field(default_factory=list)
    hosts: set[str] = field(default_factory=set)

    def over(self, context: BrowserContext) -> None:
        """All tabs, from now on."""
        context.on("console", self._said)
        context.on("weberror", self._broke)
        context.on("request", self._asked)
        context.expose_function("tellViolation", self._violated)
        context.add_init_script(_TELL_VIOLATIONS)

    def _said(self, message: ConsoleMessage) -> None:
        if message.type not in {"error", "warning"}:
            return
        answer = _FAILED.match(message.text)
        self.errors.add(f"{answer[1]} {urlsplit(message.location['url']).path}" if answer else message.text)

    def _broke(self, error: WebError) -> None:
        self.errors.add(str(error.error))

    def _violated(self, what: str) -> None:
        self.violations.append(what)

    def _asked(self, request: Request) -> None:
        self.hosts.add(urlsplit(request.url).netloc)


@contextmanager
def browser_in(playwright: Playwright, folder: Path) -> Iterator[BrowserContext]:
    """A browser with an empty profile below `folder`, in English and in UTC."""
    home = folder / "home"
    home.mkdir(parents=True)
    context = playwright.chromium.launch_persistent_context(
        folder / "profile",
        executable_path=chromium(),
        args=ARGUMENTS,
        env={**os.environ, "HOME": str(home), "XDG_CONFIG_HOME": str(home), "XDG_CACHE_HOME": str(home)},
        locale="en-GB",
        timezone_id="UTC",
        reduced_motion="reduce",
    )
    context.set_default_timeout(WAIT_MS)
    try:
        yield context
    finally:
        context.close()


def chromium() -> str:
    """Where it is. Without one the test does not pass and does not hide: see `pytest_terminal_summary`."""
    found = shutil.which("chromium")
    if found is None:
        pytest.skip(f"{NOT_RUN}: there is no chromium to open the page with. Install Debian's package chromium, or `make test` as root.")
    return found


def stores(page: Page) -> Json:
    """All that the page could have left in the browser."""
    return page.evaluate(_STORES)
