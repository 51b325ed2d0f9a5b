import asyncio
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.platform.support import Story, Template, migrate


@pytest.fixture(scope="session")
def template(tmp_path_factory: pytest.TempPathFactory) -> Template:
    folder = tmp_path_factory.mktemp("founded")
    founded = Template(folder / "platform.db", folder / "key" / "master.json")
    migrate(founded.path)
    asyncio.run(founded.found())
    return founded


@pytest.fixture
def run(template: Template, tmp_path: Path) -> Callable[[Story], None]:
    """Runs one story in a world of its own."""

    async def told(story: Story) -> None:
        async with template.opened(tmp_path) as world:
            await story(world)

    return lambda story: asyncio.run(told(story))
