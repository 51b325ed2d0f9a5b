"""What holds for every test: no network but loopback, one Hypothesis profile, and `quick` for all that is not `slow`."""

import asyncio
import ipaddress
import os
import socket
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, settings

from tests.databases import PAIRS, Engines, Pair, dealt, pair_of
from tests.servers import NOT_RUN
from tests.support import Server, Story, Template, make_template, server_in, world_in
from timos.platform.auth import guessing, passwords

# The same examples on every run of a machine without a person in front of it: a red run there must be red again at home.
settings.register_profile(
    "timos",
    deadline=None,  # two cores, shared: durations say nothing
    derandomize=bool(os.environ.get("CI")),
    suppress_health_check=[HealthCheck.too_slow],
)
settings.load_profile("timos")


# few tests that take minutes: begun last, they would leave the other worker with nothing to do for as long
LONGEST = ("tests/durability", "tests/e2e", "tests/lifecycle", "tests/web/test_schemathesis")


class NetworkError(BaseException):
    """A test wanted to leave the machine. Not an Exception: nothing may swallow it."""


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """A test that is marked so runs once on each pair of engines, or for each sample on those it is dealt to; on servers it is slow."""
    if (marker := metafunc.definition.get_closest_marker("every_engine")) is None:
        return
    has_pair = "pair" in metafunc.fixturenames
    samples = marker.kwargs.get("over", ())
    if samples and has_pair:
        hands = [_on(name, sample) for sample, name in dealt(metafunc.function.__name__, samples)]
        metafunc.parametrize(("sample", "pair"), hands, indirect=["pair"])
    elif samples:
        metafunc.parametrize("sample", samples, ids=lambda sample: sample.name)
    elif has_pair:
        metafunc.parametrize("pair", [_on(name) for name in marker.args or tuple(PAIRS)], indirect=True)


def _on(name: str, *samples: Any) -> Any:  # Any: of whatever the test is about
    marks = () if name == "sqlite" else (pytest.mark.slow, pytest.mark.servers)
    return pytest.param(*samples, name, marks=marks, id="-".join([*(sample.name for sample in samples), name]))


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    items.sort(key=lambda item: not item.nodeid.startswith(LONGEST))
    for item in items:
        if item.get_closest_marker("slow") is None:
            item.add_marker(pytest.mark.quick)


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """A test that could not run must not look like one that need not: it stands in red above the result."""
    skipped = terminalreporter.stats.get("skipped", ())
    reasons = Counter(str(report.longrepr[-1]) for report in skipped if isinstance(report.longrepr, tuple))
    for reason, tests in reasons.items():
        if NOT_RUN in reason:
            terminalreporter.section(NOT_RUN, sep="!", red=True, bold=True)
            terminalreporter.line(f"{tests} tests: {reason.removeprefix('Skipped: ')}", red=True, bold=True)


def _is_here(host: str | bytes | None) -> bool:
    name = host.decode() if isinstance(host, bytes) else host
    if name in {None, "", "localhost"}:
        return True
    try:
        return ipaddress.ip_address(name).is_loopback
    except ValueError:
        return False


def _guarded(method: str, real: Callable[..., Any]) -> Callable[..., Any]:
    def guard(self: socket.socket, *args: Any) -> Any:  # Any: the three methods differ
        address = args[-1]
        if self.family in {socket.AF_INET, socket.AF_INET6} and not _is_here(address[0]):
            raise NetworkError(f"{method} to {address[0]}: tests talk to this machine only")
        return real(self, *args)

    return guard


def _guarded_lookup(real: Callable[..., Any]) -> Callable[..., Any]:
    def guard(host: str | bytes | None, *args: Any, **options: Any) -> Any:
        if not _is_here(host):
            raise NetworkError(f"look-up of {host!r}: tests talk to this machine only")
        return real(host, *args, **options)

    return guard


@pytest.fixture(scope="session")
def template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A founded instance with its admin; tests work on copies."""
    return make_template(tmp_path_factory.mktemp("template"))


@pytest.fixture(scope="session")
def engines() -> Iterator[Engines]:
    """Servers of the tests' own."""
    running = Engines()
    yield running
    running.close()


@pytest.fixture
def pair(request: pytest.FixtureRequest, engines: Engines) -> Pair:
    """The engines of the two databases: SQLite, unless the test is marked `every_engine`."""
    return pair_of(getattr(request, "param", "sqlite"), engines)


@pytest.fixture(scope="session")
def templates() -> dict[str, Template]:
    """Founded instances by pair, made when they are first asked for."""
    return {}


@pytest.fixture
def template_on(pair: Pair, template: Path, templates: dict[str, Template], tmp_path_factory: pytest.TempPathFactory) -> Template:
    """The founded instance of this pair."""
    if pair.name not in templates:
        made = Template(pair, template, {"platform_url": None, "vault_url": None})
        templates[pair.name] = made if pair.has_files else Template.found(pair, tmp_path_factory.mktemp(pair.name))
    return templates[pair.name]


@pytest.fixture
def tell(template_on: Template, tmp_path: Path) -> Callable[[Story], None]:
    """Runs one story in a world of its own."""

    async def told(story: Story) -> None:
        with template_on.copied(tmp_path) as urls:
            async with world_in(tmp_path, template=None, clock=None, **urls) as world:
                await story(world)

    return lambda story: asyncio.run(told(story))


@pytest.fixture
def server(template: Path, tmp_path: Path) -> Iterator[Server]:
    """A real server process; tests that use it are slow."""
    with server_in(tmp_path, template=template) as running:
        yield running


@pytest.fixture(autouse=True)
def judged_here(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """New passwords are judged in this process, by the same words: a process for each costs a second test in time."""
    if request.module.__name__.rpartition(".")[2] != "test_passwords":
        monkeypatch.setattr(passwords, "guesses", guessing.estimate)


@pytest.fixture(autouse=True, scope="session")
def no_network() -> Iterator[None]:
    """Refuses to connect to, send to and look up anything but loopback, in this process."""
    with pytest.MonkeyPatch.context() as patch:
        for method in ("connect", "connect_ex", "sendto"):
            patch.setattr(socket.socket, method, _guarded(method, getattr(socket.socket, method)))
        patch.setattr(socket, "getaddrinfo", _guarded_lookup(socket.getaddrinfo))
        yield
