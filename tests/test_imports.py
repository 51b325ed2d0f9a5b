"""Who may import whom: the contracts of pyproject.toml, and what no contract of that tool can say."""

import ast
import subprocess
import sys
from pathlib import Path

import grimp
import pytest

from tests.support import server_in
from timos.__main__ import plain_options

ROOT = Path(__file__).resolve().parents[1]
SOURCE = ROOT / "src" / "timos"

# may touch both databases: the composition root, the request's front door, the stories of the life cycle
BOTH = ("timos.app", "timos.web.deps", "timos.lifecycle")

# packages whose __init__.py is a registry: an explicit list of what lies beside it; and what lies there without being a member
REGISTRIES = {"vault/collections": set(), "web/api": {"ranges"}}


@pytest.fixture(scope="module")
def graph() -> grimp.ImportGraph:
    return grimp.build_graph("timos", cache_dir=None)


def _is_in(module: str, packages: tuple[str, ...]) -> bool:
    return any(module == package or module.startswith(f"{package}.") for package in packages)


@pytest.mark.slow
def test_the_contracts_hold() -> None:
    linter = Path(sys.executable).with_name("lint-imports")
    answer = subprocess.run([linter, "--no-cache"], cwd=ROOT, capture_output=True, text=True, check=False)
    assert answer.returncode == 0, answer.stdout


def test_no_module_but_three_knows_both_databases(graph: grimp.ImportGraph) -> None:
    for module in sorted(graph.modules):
        if _is_in(module, BOTH):
            continue
        imported = graph.find_modules_directly_imported_by(module)
        sides = {side for side in ("timos.platform", "timos.vault") if any(_is_in(name, (side,)) for name in imported)}
        assert len(sides) <= 1, f"{module} imports from both the platform and the vault"


def test_web_reaches_keys_and_sql_only_through_its_front_door(graph: grimp.ImportGraph) -> None:
    for module in sorted(graph.modules):
        if _is_in(module, ("timos.web",)):
            imported = graph.find_modules_directly_imported_by(module)
            tables = {name for name in imported if name.endswith(".tables") or name.startswith("timos.kernel.db")}
            assert not tables, f"{module} imports {sorted(tables)}"


@pytest.mark.parametrize("path", sorted(SOURCE.rglob("__init__.py")), ids=lambda path: str(path.parent.relative_to(SOURCE)))
def test_a_package_re_exports_nothing(path: Path) -> None:
    body = ast.parse(path.read_text(encoding="utf-8")).body
    assert isinstance(body[0], ast.Expr), "a package says what it is"
    if str(path.parent.relative_to(SOURCE)) not in REGISTRIES:
        assert len(body) == 1, "nothing but a docstring: a re-export slips past the import contracts"


@pytest.mark.parametrize("folder", sorted(REGISTRIES))
def test_a_registry_misses_no_module(folder: str) -> None:
    package = "timos." + folder.replace("/", ".")
    modules = {path.stem for path in (SOURCE / folder).glob("*.py")} - {"__init__"} - REGISTRIES[folder]
    folders = {path.parent.name for path in (SOURCE / folder).glob("*/__init__.py")}
    imported = {
        f"{node.module}.{alias.name}"
        for node in ast.walk(ast.parse((SOURCE / folder / "__init__.py").read_text(encoding="utf-8")))
        if isinstance(node, ast.ImportFrom) and (node.module or "").startswith(package)
        for alias in node.names
    }
    assert imported == {f"{package}.{name}" for name in modules} | {f"{package}.{name}.routes" for name in folders}


def test_every_file_belongs_to_a_package() -> None:
    loose = {path.parent for path in SOURCE.rglob("*.py") if "migrations" not in path.parts and not (path.parent / "__init__.py").exists()}
    assert not loose, "no contract sees what lies in a folder without __init__.py"


NOT_TO_SERVE = ("alembic", "asyncmy", "asyncpg", "httpx", "pydantic", "redis", "structlog", "typer", "zxcvbn")


@pytest.mark.slow
def test_a_server_has_not_imported_what_it_does_not_use(template: Path, tmp_path: Path) -> None:
    """Alembic is for the first start and for upgrades, drivers and Redis for who has such servers, all else for commands."""
    with server_in(tmp_path, template=template, PYTHONPROFILEIMPORTTIME="1") as server:
        imported = {line.rpartition("|")[2].strip() for line in server.log.splitlines() if line.startswith("import time:")}
    assert {"timos.app", "sqlalchemy", "uvicorn"} <= imported
    assert imported.isdisjoint(NOT_TO_SERVE)


@pytest.mark.parametrize(
    ("words", "options"),
    [
        ([], {}),
        (["--port", "8001"], {"port": "8001"}),
        (["--port=0", "--host", "::1"], {"port": "0", "host": "::1"}),
        (["--help"], None),
        (["--port"], None),
        (["--port", "many"], None),
        (["--port=1", "--port=2"], None),
        (["--pots", "1"], None),
        (["8001", "--port"], None),
        (["--port", "1", "now"], None),
    ],
)
def test_serve_goes_past_the_command_line_only_when_it_is_spelt_plainly(words: list[str], options: dict[str, str] | None) -> None:
    assert plain_options(words) == options
