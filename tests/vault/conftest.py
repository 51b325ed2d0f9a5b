from pathlib import Path

import pytest

from tests.vault.vaults import Tell, make_vault_template, told_in


@pytest.fixture(scope="session")
def vault_template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A migrated vault database; tests work on copies."""
    return make_vault_template(tmp_path_factory.mktemp("vault"))


@pytest.fixture
def on_vault(vault_template: Path, tmp_path: Path) -> Tell:
    """Runs one story on a vault of its own."""
    return told_in(tmp_path, vault_template)
