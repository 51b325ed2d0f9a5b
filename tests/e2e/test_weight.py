"""How much a browser must fetch before somebody can write. How long that takes is measured by benchmarks/web.py."""

import re

import httpx
import pytest
from playwright.sync_api import Request, expect

from tests.e2e.browser import Watch
from tests.e2e.conftest import Devices
from tests.e2e.people import Guest, body, sign_in
from tests.support import Server

pytestmark = pytest.mark.slow

SHELL_BYTES = 60_000
FIRST_LOAD_BYTES = 100_000
NAMED = re.compile(r'(?:src|href)="(/assets/(?!today-)[^"]+)"')  # Today is fetched beside the shell, as most visits begin there


def test_the_shell_is_light(house: Server) -> None:
    """The page and what it names: all that every screen needs, as it travels."""
    with httpx.Client(base_url=house.url, headers={"accept-encoding": "br"}) as client:
        named = NAMED.findall(client.get("/", headers={"accept-encoding": "identity"}).text)
        weights = {path: weight(client, path) for path in {"/", *named}}
    assert any(path.startswith("/assets/shell-") for path in weights)
    assert sum(weights.values()) <= SHELL_BYTES, weights


def weight(client: httpx.Client, path: str) -> int:
    with client.stream("GET", path) as answer:
        assert answer.status_code == 200, path
        return sum(len(part) for part in answer.iter_raw())


def test_the_first_opening_of_today_is_light(devices: Devices, guest: Guest, watch: Watch) -> None:
    """Every file until all of Today is there, in a browser that was never here before. What the API answers belongs to the person."""
    signed_in = devices()
    sign_in(signed_in.new_page(), guest)
    watch.expected.add("Service Worker registration blocked by Playwright")
    context = devices(storage_state=signed_in.storage_state(), service_workers="block")  # it fetches for later, when all is shown
    page = context.new_page()
    requests: list[Request] = []
    page.on("requestfinished", lambda request: requests.append(request))  # noqa: PLW0108 (Playwright marks its listener, and a builtin takes no mark)
    page.goto(guest.url)
    expect(body(page)).to_be_visible()
    expect(page.get_by_text("Pillars this week")).to_be_visible()
    page.wait_for_load_state("networkidle")
    weights = {each.url.removeprefix(guest.url): each.sizes()["responseBodySize"] for each in requests}
    files = {path: size for path, size in weights.items() if not path.startswith("/api/")}
    assert len(files) > 5
    assert sum(files.values()) <= FIRST_LOAD_BYTES, files
