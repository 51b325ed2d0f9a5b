"""Undocumented means red, and so does documented but not there."""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
import typer

from timos import config
from timos.commands import command_line
from timos.kernel import errors
from timos.platform.audit import Event
from timos.web.api import ROUTES

ROOT = Path(__file__).resolve().parents[2]
DOCS = ROOT / "docs"
PAGES = sorted(path for folder in (ROOT, DOCS) for path in folder.glob("*.md" if folder == ROOT else "**/*.md"))
LINK = re.compile(r"\[[^\]]*\]\(([^)\s]+)\)")


def documented(page: str, column: int = 0) -> set[str]:
    """The first `code` of one column, over all tables of a reference page."""
    rows = (
        line.strip("|").split("|") for line in (DOCS / "reference" / page).read_text(encoding="utf-8").splitlines() if line.startswith("|")
    )
    found = (re.fullmatch(r"\s*`([^`]+)`\s*", cells[column]) for cells in rows if len(cells) > column)
    return {match[1] for match in found if match}


def assert_same(page: str, existing: set[str]) -> None:
    said = documented(page)
    assert not existing - said, f"docs/reference/{page} has no line for {sorted(existing - said)}"
    assert not said - existing, f"docs/reference/{page} tells of what is not there: {sorted(said - existing)}"


def tree(root: type[errors.TimosError]) -> Iterator[type[errors.TimosError]]:
    yield root
    for child in root.__subclasses__():
        yield from tree(child)


def commands(command: object, path: str = "timos") -> Iterator[str]:
    children = getattr(command, "commands", None)
    if not children:
        yield path
        return
    for name, child in children.items():
        yield from commands(child, f"{path} {name}")


def test_every_error_code_is_documented_with_its_status() -> None:
    lines = (DOCS / "reference" / "errors.md").read_text(encoding="utf-8")
    for error in tree(errors.TimosError):
        assert re.search(rf"^\| `{error.code}` \| {error.status} \|", lines, re.MULTILINE), (
            f"docs/reference/errors.md has no line for {error.code}"
        )
    assert_same("errors.md", {error.code for error in tree(errors.TimosError)})


def test_every_error_class_stands_in_the_tree_of_its_module() -> None:
    for error in tree(errors.TimosError):
        assert re.search(rf"{error.__name__} +{error.status} {error.code}\b", str(errors.__doc__)), error.__name__


def test_every_setting_is_documented() -> None:
    names = {config.PREFIX + setting.name.upper() for setting in config.all_settings()}
    others = {config.PREFIX + name for name in config.CLIENT_VARIABLES}
    assert_same("settings.md", names | others)


def test_every_route_is_documented() -> None:
    assert_same("routes.md", {f"{route.method} {route.path}" for route in ROUTES})


def test_every_audit_event_is_documented() -> None:
    assert_same("audit-events.md", {event.value for event in Event})


def test_every_command_is_documented() -> None:
    assert_same("commands.md", set(commands(typer.main.get_command(command_line()))))


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_every_link_leads_somewhere(page: Path) -> None:
    for target in LINK.findall(page.read_text(encoding="utf-8")):
        if "://" in target:
            continue
        name, _, anchor = target.partition("#")
        found = page.parent / name if name else page
        assert found.is_file(), f"{page.name} links to {target}"
        assert not anchor or anchor in anchors(found), f"{page.name} links to {target}"


def anchors(page: Path) -> set[str]:
    titles = re.findall(r"^#+ (.+)$", page.read_text(encoding="utf-8"), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", title.lower()).replace(" ", "-") for title in titles}


@pytest.mark.parametrize("page", sorted((DOCS / "adr").glob("0*.md")), ids=lambda page: page.stem)
def test_a_decision_has_every_part(page: Path) -> None:
    text = page.read_text(encoding="utf-8")
    assert re.search(r"^Status: (accepted|superseded by \[\d+\]\(\S+\)) · Date: \d{4}-\d\d-\d\d$", text, re.MULTILINE)
    assert re.findall(r"^## (.+)$", text, re.MULTILINE) == ["Context", "Decision", "Consequences", "Alternatives", "Held by"]
    assert f"({page.name})" in (DOCS / "adr" / "README.md").read_text(encoding="utf-8")
