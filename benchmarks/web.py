"""How long a phone on a slow line takes until somebody can write: 1.6 Mbit/s, 150 ms there and back, a quarter of this machine's speed.

python -m benchmarks.web [--rounds 5]
"""

import re
from argparse import ArgumentParser
from collections import defaultdict
from contextlib import AbstractContextManager, ExitStack
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory  # noqa: TID251 (an instance of nobody)
from typing import Any

import httpx
from playwright.sync_api import Browser, BrowserContext, Page, ViewportSize, expect, sync_playwright

from tests.e2e.browser import HABITS, launch
from tests.e2e.demo import demo_in, enter
from tests.support import Server
from timos.lifecycle.demo import telling

BITS_PER_SECOND = 1_600_000
LATENCY_MS = 150
SLOWNESS = 4
PATIENCE_MS = 60_000
PHONE: ViewportSize = {"width": 390, "height": 844}
AIMS = {"LCP": 1200, "CLS": 0.02}
AVOIDED = "The letter about the roof, the call that has to come before it, and what both of them are really about."
# noted as it happens: asking at the end would miss when it was
NOTE = """
  window.noted = {lcp: 0, cls: 0, writable: 0};
  new PerformanceObserver((list) => { for (const each of list.getEntries()) noted.lcp = each.startTime; })
    .observe({type: "largest-contentful-paint", buffered: true});
  new PerformanceObserver((list) => { for (const each of list.getEntries()) if (!each.hadRecentInput) noted.cls += each.value; })
    .observe({type: "layout-shift", buffered: true});
  new MutationObserver((_, observer) => {
    if (!document.querySelector("textarea.write")) return;
    noted.writable = performance.now();
    observer.disconnect();
  }).observe(document, {childList: true, subtree: true});
"""
Figures = dict[str, list[float]]


@dataclass(frozen=True, slots=True)
class Visit:
    """`is_warm`: the browser was here before and has kept the shell. In the morning nothing of today is written yet: what is painted
    last is not a person's own words.
    """

    name: str
    path: str = "/"
    is_signed_in: bool = True
    is_warm: bool = False
    is_morning: bool = False


VISITS = (
    Visit("sign in, never here before", "/login", is_signed_in=False),
    Visit("Today in the morning, nothing kept", is_morning=True),
    Visit("Today in the morning, here before", is_morning=True, is_warm=True),
    Visit("Today in the evening, nothing kept"),
    Visit("Today in the evening, here before", is_warm=True),
)


def measure(browser: Browser, visit: Visit, url: str, state: Any) -> dict[str, float]:
    """Milliseconds since the navigation began; CLS has no unit."""
    context = browser.new_context(**HABITS, viewport=PHONE, storage_state=state if visit.is_signed_in else None)
    context.set_default_timeout(PATIENCE_MS)
    if visit.is_warm:
        warm(context, url)
    page = context.new_page()
    slow_down(page)
    page.add_init_script(NOTE)
    page.goto(url + visit.path)
    expect(page.get_by_role("heading", level=1)).not_to_be_empty(timeout=PATIENCE_MS)
    if visit.is_signed_in:
        expect(page.get_by_text(re.compile("^Goes with better days$"))).to_be_visible(timeout=PATIENCE_MS)
    page.wait_for_load_state("networkidle")
    noted = page.evaluate("noted")
    context.close()
    return {"LCP": noted["lcp"], "CLS": noted["cls"], "can write": noted["writable"]}


def warm(context: BrowserContext, url: str) -> None:
    """A visit before the one that counts: the browser keeps the shell."""
    page = context.new_page()
    page.goto(url)
    page.evaluate("navigator.serviceWorker.ready.then(() => null)")
    page.close()


def slow_down(page: Page) -> None:
    """The line and the processor of this tab."""
    session = page.context.new_cdp_session(page)
    bytes_per_second = BITS_PER_SECOND / 8
    session.send("Network.enable")
    session.send(
        "Network.emulateNetworkConditions",
        {"offline": False, "latency": LATENCY_MS, "downloadThroughput": bytes_per_second, "uploadThroughput": bytes_per_second / 2},
    )
    session.send("Emulation.setCPUThrottlingRate", {"rate": SLOWNESS})


def main() -> None:
    """Visits take turns in every round; medians."""
    parser = ArgumentParser(prog="python -m benchmarks.web", description="Measure the web app in chromium.")
    parser.add_argument("--rounds", type=int, default=5, help="medians are taken over so many (5)")
    options = parser.parse_args()
    figures: dict[str, Figures] = defaultdict(lambda: defaultdict(list))
    with ExitStack() as stack:
        folder = Path(stack.enter_context(TemporaryDirectory(prefix="timos-web-")))
        servers = {at: stack.enter_context(_demo(folder / str(at), is_morning=at)) for at in (True, False)}
        write(servers[False].url)
        browser = launch(stack.enter_context(sync_playwright()))
        people = {at: (server.url, signed_in(browser, server.url)) for at, server in servers.items()}
        for _ in range(options.rounds):
            for visit in VISITS:
                for name, value in measure(browser, visit, *people[visit.is_morning]).items():
                    figures[visit.name][name].append(value)
        browser.close()
    print(f"medians of {options.rounds} rounds, lowest and highest; LCP aim {AIMS['LCP']} ms, CLS aim {AIMS['CLS']}")
    for name, measured in figures.items():
        print(f"\n{name}")
        for what, values in measured.items():
            if any(values) or what == "CLS":
                print(f"  {what:10} {median(values):10,.4g}   ({min(values):,.4g} to {max(values):,.4g})")


def _demo(folder: Path, *, is_morning: bool) -> AbstractContextManager[Server]:
    folder.mkdir()
    return demo_in(folder, is_morning=is_morning)


def write(url: str) -> None:
    """The same words on every date. The demo tells each day others, and where they are short the largest thing painted is the heading."""
    with httpx.Client(base_url=url) as api:
        account = {"address": telling.ADDRESS, "password": telling.PASSWORD, "kind": "bearer"}
        token = api.post("/api/auth/login", json=account).raise_for_status().json()["access_token"]
        api.headers["authorization"] = f"Bearer {token}"
        today = api.get("/api/today").raise_for_status().json()
        pulse = today["morning"]
        document = {**pulse["document"], "avoiding": AVOIDED}
        path = f"/api/feels/{today['day']}/morning"
        api.put(path, json=document, headers={"If-Match": pulse["etag"]}).raise_for_status()


def signed_in(browser: Browser, url: str) -> Any:  # Playwright's own dict
    """Cookies and localStorage of the demo's person."""
    context = browser.new_context(**HABITS)
    page = context.new_page()
    enter(page, url)
    state = context.storage_state()
    context.close()
    return state


if __name__ == "__main__":
    main()
