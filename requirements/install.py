"""Puts the locked packages and TimOS itself into ./.venv: `install.py run` for the server, `install.py dev` for the tests too.
The web app is built beside it, by web.py: `dev` takes what checks the app as well.

Every package is checked against the hashes of its lock. Addresses are never ours: pip's configuration of this machine decides
where packages come from, and uv, which does not read it, is told the same. A second call with nothing changed asks nobody.
Runs on the system's own Python, with nothing installed.
"""

from __future__ import annotations  # an older Python must get as far as the sentence that says so

import ast
import hashlib
import json
import os
import subprocess
import sys
import venv
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
LOCKS = ROOT / "requirements"
VENV = ROOT / ".venv"
PYTHON = VENV / "bin" / "python"
STAMP = VENV / "timos-installed.json"

# what pip calls it → what uv calls it; what uv is told already stays
PIP_TO_UV = {
    "index-url": "UV_DEFAULT_INDEX",
    "extra-index-url": "UV_INDEX",
    "find-links": "UV_FIND_LINKS",
    "trusted-host": "UV_INSECURE_HOST",
    "no-index": "UV_NO_INDEX",
    "timeout": "UV_HTTP_TIMEOUT",
    "default-timeout": "UV_HTTP_TIMEOUT",
    "cert": "SSL_CERT_FILE",
    "proxy": "ALL_PROXY",
}


def main() -> None:
    """Exit status 1 with one sentence on what to do, if it cannot be done."""
    if sys.version_info < (3, 11):  # noqa: UP036 (this very line finds out)
        sys.exit("TimOS needs Python 3.11 or newer. Name one: make PYTHON=python3.12 run")
    wanted = "".join(sys.argv[1:])
    if wanted not in {"run", "dev"}:
        sys.exit("usage: install.py run|dev")
    installed = read_stamp()
    group = "dev" if installed.get("group") == "dev" else wanted  # dev holds all of run: never take the tests' packages away again
    stamp = {"group": group, "hash": content_hash(group), "place": str(ROOT)}
    with web_app(wanted) as finish_web_app:
        if installed != stamp:
            install(group, finish_web_app)
            STAMP.write_text(json.dumps(stamp), encoding="utf-8")
        finish_web_app()


@contextmanager
def web_app(wanted: str) -> Iterator[Callable[[], None]]:
    """Builds it while the packages are installed: both wait for the network most of the time. What it yields waits for its end."""
    child = subprocess.Popen([sys.executable, str(LOCKS / "web.py"), "build" if wanted == "run" else "tools"])

    def finish() -> None:
        if child.wait():
            sys.exit(1)  # it has said why

    try:
        yield finish
    finally:
        child.wait()  # never left behind, still writing


def read_stamp() -> dict[str, str]:
    """What the environment holds; empty when it is missing, half made, or was moved (scripts hold absolute paths)."""
    try:
        stamp: dict[str, str] = json.loads(STAMP.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return stamp if PYTHON.exists() and stamp.get("place") == str(ROOT) else {}


def content_hash(group: str) -> str:
    """Changes with the lock and with what the console script is made from."""
    digest = hashlib.sha256()
    for path in (LOCKS / f"{group}.txt", ROOT / "pyproject.toml"):
        digest.update(path.read_bytes())
    return digest.hexdigest()


def install(group: str, finish_web_app: Callable[[], None]) -> None:
    """From an empty, an old or a half-made environment to exactly the lock."""
    STAMP.unlink(missing_ok=True)
    lock = str(LOCKS / f"{group}.txt")
    environment = make_environment()
    say(f"installing {group} packages, all checked against requirements/{group}.txt")
    uv = [str(PYTHON), "-m", "uv", "pip"]
    if call([*uv, "sync", "--quiet", "--require-hashes", "--python", str(PYTHON), lock], environment):
        pip("install", "-qq", "--require-hashes", "--requirement", lock)
    finish_web_app()  # before the build tool asks for it
    # no isolation: the build tool is the locked one, not a fresh download
    if call(
        [*uv, "install", "--quiet", "--python", str(PYTHON), "--no-deps", "--no-build-isolation", "--editable", str(ROOT)], environment
    ):
        pip("install", "-qq", "--no-deps", "--no-build-isolation", "--editable", str(ROOT))


def make_environment() -> dict[str, str]:
    """Makes ./.venv with uv in it; answers the variables that uv is to be called with."""
    if not PYTHON.exists() or read_place() != str(VENV):
        say(f"making {VENV.name} with Python {sys.version.split()[0]}")
        # without pip: it costs seconds, and Debian's Python cannot do it without one more package
        venv.create(VENV, clear=True, symlinks=True, with_pip=False)
    pip("install", "-qq", "--require-hashes", "--only-binary=:all:", "--requirement", str(LOCKS / "setup.txt"))
    return uv_environment()


def read_place() -> str | None:
    """Where the environment was made; a copied or moved folder has scripts that point elsewhere."""
    try:
        lines = (VENV / "pyvenv.cfg").read_text(encoding="utf-8").splitlines()
    except OSError:
        return None
    command = next((line for line in lines if line.startswith("command = ")), "")
    return command.rsplit(" ", 1)[-1] if command else str(VENV)


def pip_environment() -> dict[str, str]:
    """This process's variables; without a home to write to, nothing is kept for next time."""
    environment = dict(os.environ, PIP_DISABLE_PIP_VERSION_CHECK="1")
    if not os.access(Path(os.environ.get("XDG_CACHE_HOME") or os.environ.get("HOME") or "/nowhere"), os.W_OK):
        environment.update(PIP_NO_CACHE_DIR="1", UV_NO_CACHE="1")
    return environment


def uv_environment() -> dict[str, str]:
    """The same, and pip's settings in uv's words."""
    environment = pip_environment()
    environment.update(
        UV_PYTHON_DOWNLOADS="never",
        UV_INDEX_STRATEGY="unsafe-best-match",  # safe here: the hash decides what is taken, not the index
        UV_LINK_MODE="copy",  # the cache may lie on another disk
    )
    for name, value in pip_settings().items():
        if value:
            environment.setdefault(PIP_TO_UV[name], value)
    return environment


def pip_settings() -> dict[str, str]:
    """What pip is set to, of the settings that uv has too. Later lines win, as they do for pip."""
    listed = subprocess.run([sys.executable, "-m", "pip", "config", "list"], check=False, capture_output=True, text=True)
    found: dict[str, str] = {}
    for line in listed.stdout.splitlines():
        key, _, quoted = line.partition("=")
        name = key.rsplit(".", 1)[-1].lower().replace("_", "-")
        if name in PIP_TO_UV and key.startswith(("global.", "install.", ":env:.")):
            found[name] = " ".join(str(ast.literal_eval(quoted)).split())
    return found


def pip(*arguments: str) -> None:
    """The system's pip, working on ./.venv."""
    if call([sys.executable, "-m", "pip", "--python", str(PYTHON), *arguments], pip_environment()):
        sys.exit("The packages could not be installed; pip said why above. `make clean` starts afresh.")


def call(command: list[str], environment: dict[str, str]) -> int:
    """The exit status."""
    return subprocess.run(command, check=False, env=environment, cwd=ROOT).returncode


def say(text: str) -> None:
    """One line of progress, apart from what the server prints."""
    print(f"timos: {text}", file=sys.stderr, flush=True)


if __name__ == "__main__":
    main()
