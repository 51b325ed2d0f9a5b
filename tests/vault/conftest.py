from pathlib import Path

import pytest

from tests.databases import Pair
from tests.vault.vaults import Tell, make_vault_template, told_in
from timos.kernel.db import migrate
from timos.kernel.db.address import parse
from timos.lifecycle.founding.upgrading import VAULT_HISTORY


@pytest.fixture(scope="session")
def vault_template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A migrated vault database; tests work on copies."""
    return make_vault_template(tmp_path_factory.mktemp("vault"))


@pytest.fixture(scope="session")
def vaults() -> dict[str, str]:
    """Migrated databases on servers by engine, made when they are first asked for."""
    return {}


@pytest.fixture
def on_vault(pair: Pair, vault_template: Path, vaults: dict[str, str], tmp_path: Path) -> Tell:
    """Runs one story on a vault of its own."""
    half = pair.vault
    if half.engine is not None and half.name not in vaults:
        vaults[half.name] = half.engine.create()
        migrate.upgrade(parse(vaults[half.name], tmp_path), VAULT_HISTORY)
    return told_in(tmp_path, vault_template, half, vaults.get(half.name))
