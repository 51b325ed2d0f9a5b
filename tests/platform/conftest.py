import asyncio
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.databases import Half, Pair
from tests.platform.support import Story, Template


def founded(folder: Path, half: Half) -> Template:
    made = Template(folder / "platform.db", folder / "key" / "master.json", half, half.make())
    if made.url is None:
        made.path.touch()
    asyncio.run(made.found())
    return made


@pytest.fixture(scope="session")
def platforms() -> dict[str, Template]:
    """Founded platforms by engine, made when they are first asked for."""
    return {}


@pytest.fixture
def template(pair: Pair, platforms: dict[str, Template], tmp_path_factory: pytest.TempPathFactory) -> Template:
    """The founded platform of this engine."""
    if pair.platform.name not in platforms:
        platforms[pair.platform.name] = founded(tmp_path_factory.mktemp("founded"), pair.platform)
    return platforms[pair.platform.name]


@pytest.fixture
def run(template: Template, tmp_path: Path) -> Callable[[Story], None]:
    """Runs one story in a world of its own."""

    async def told(story: Story) -> None:
        async with template.opened(tmp_path) as world:
            await story(world)

    return lambda story: asyncio.run(told(story))
