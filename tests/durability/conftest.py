"""What a test here may kill or fill, and who may."""

import os
from collections.abc import Iterator

import pytest

from tests import servers
from tests.databases import Engine


@pytest.fixture
def as_root() -> None:
    if os.geteuid() != 0:
        pytest.skip(f"{servers.NOT_RUN}: only root can mount a disk")


@pytest.fixture(params=["postgresql", "mariadb"])
def own(request: pytest.FixtureRequest) -> Iterator[Engine]:
    """A server of the test's own: the shared one is needed by others."""
    if why := servers.missing(request.param):
        pytest.skip(f"{servers.NOT_RUN}: {why}")
    with servers.running(request.param) as running:
        engine = Engine(running)
        engine.wait()
        yield engine
