"""A real browser, and a watch over all that its pages say and ask for."""

import os
import re
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from importlib import resources
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import Browser, BrowserContext, ConsoleMessage, Page, Playwright, Request, WebError

from tests.servers import NOT_RUN
from tests.support import Json

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
WAIT_MS = 30_000  # of a machine with ten other things to do; what is there is not waited for
HABITS: dict[str, Json] = {"locale": "en-GB", "timezone_id": "UTC", "reduced_motion": "reduce"}

# from everything that violates the policy, also where the browser's console keeps silent
_TELL_VIOLATIONS = (
    "addEventListener('securitypolicyviolation', (event) => tellViolation(event.violatedDirective + ' ' + event.blockedURI));"
)
_FAILED = re.compile(r"Failed to load resource: (?:the server responded with a status of (\d+)|net::ERR_([A-Z_]+))")
_NOBODY_ANSWERS = {"INTERNET_DISCONNECTED", "CONNECTION_REFUSED", "CONNECTION_RESET", "EMPTY_RESPONSE"}
_STORES = """async () => {
  const shell = [];
  for (const name of await caches.keys()) for (const each of await (await caches.open(name)).keys()) shell.push(new URL(each.url).pathname);
  const sealed = {};
  for (const {name} of await indexedDB.databases()) {
    const database = await new Promise((resolve, reject) => {
      const request = indexedDB.open(name);
      request.onsuccess = () => resolve(request.result);
      request.onerror = () => reject(request.error);
    });
    for (const store of database.objectStoreNames) {
      const request = database.transaction(store).objectStore(store).count();
      await new Promise((resolve) => (request.onsuccess = resolve));
      sealed[store] = request.result;
    }
    database.close();
  }
  return {local: {...localStorage}, session: {...sessionStorage}, cookies: document.cookie, shell, sealed};
}"""
_AXE = (resources.files("axe_playwright_python") / "axe.min.js").read_text(encoding="utf-8")
_RUN_AXE = """async () => (await axe.run({resultTypes: ["violations"]})).violations
  .map((each) => each.id + ": " + each.nodes.map((node) => node.target.join(" ")).join(", "))"""


@dataclass  # no slots: Playwright keeps a note on whoever listens
class Watch:
    """`errors`: of the console, as "412 /api/…" for an answer that is not a success; and of scripts. `expected` are those a test means."""

    homes: set[str] = field(default_factory=set)  # addresses of the servers that may be asked
    expected: set[str] = field(default_factory=set)
    is_unreached: bool = False  # a test takes the network or the server away, and the browser reports every call that fails
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

    def found(self) -> list[str]:
        """What is not as it must be; empty when all is well."""
        foreign = self.hosts - {urlsplit(url).netloc for url in self.homes}
        return [*sorted(self.errors - self.expected), *self.violations, *sorted(foreign)]

    def _said(self, message: ConsoleMessage) -> None:
        if message.type not in {"error", "warning"}:
            return
        answer = _FAILED.search(message.text)
        if answer and answer[2] in _NOBODY_ANSWERS and self.is_unreached:
            return
        self.errors.add(f"{answer[1] or answer[2]} {urlsplit(message.location['url']).path}" if answer else message.text)

    def _broke(self, error: WebError) -> None:
        self.errors.add(str(error.error))

    def _violated(self, what: str) -> None:
        self.violations.append(what)

    def _asked(self, request: Request) -> None:
        if not request.url.startswith(("blob:", "data:")):
            self.hosts.add(urlsplit(request.url).netloc)


def launch(playwright: Playwright) -> Browser:
    """A browser that keeps nothing; each of its contexts is a device of its own."""
    return playwright.chromium.launch(executable_path=chromium(), args=ARGUMENTS)


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
        **HABITS,
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
        pytest.skip(f"{NOT_RUN}: there is no chromium to open the app with. Install Debian's package chromium, or `make test` as root.")
    return found


def stores(page: Page) -> Json:
    """All that the app has left in the browser."""
    return page.evaluate(_STORES)


def barriers(page: Page) -> Json:
    """What axe finds on what is shown now; each reload forgets it."""
    if not page.evaluate("'axe' in window"):
        page.evaluate(_AXE)
    return page.evaluate(_RUN_AXE)


def files_with(folder: Path, *words: str) -> list[Path]:
    """Files that hold one of the words, in whatever case, in one of the encodings that browsers use."""
    wanted = [word.encode(encoding) for word in words for encoding in ("utf-8", "utf-16-le")]
    files = [path for path in folder.rglob("*") if path.is_file() and not path.is_symlink()]
    assert files
    return [path for path in files if any(word in path.read_bytes().lower() for word in wanted)]
