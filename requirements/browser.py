"""Sees to it that the tests of the page have a browser: Debian's chromium, installed by apt where that is possible without asking.

Never fails: without a browser those tests say NOT RUN, and everything else runs. Where packages come from is this machine's business.
"""

from __future__ import annotations  # the system's own Python runs this

import os
import shutil
import subprocess
import sys

PACKAGES = ("chromium", "fonts-dejavu-core", "fonts-noto-color-emoji")  # without fonts letters and moods are empty boxes
OPTIONS = ("-qq", "-o", "DPkg::Lock::Timeout=300", "-o", "Acquire::Retries=1", "-o", "Acquire::http::Timeout=30")
INSTALL = ("install", "-y", "--no-install-recommends", *PACKAGES)
KEPT_LINES = 5  # of what apt says when it fails


def main() -> None:
    """Says one line before it begins, and one if it cannot."""
    if shutil.which("chromium"):
        return
    apt = apt_command()
    if not apt:
        say(f"no browser for the tests of the page, and no right to install one. Install {PACKAGES[0]}, or make test as root.")
        return
    say(f"installing {', '.join(PACKAGES)} for the tests of the page; this takes a minute")
    if run(apt, *INSTALL):
        return
    run(apt, "update")  # the lists of a fresh container are empty; that one of several sources fails need not matter
    if not run(apt, *INSTALL, tells_why=True):
        say("the browser could not be installed; apt said why above.")


def apt_command() -> list[str]:
    """How to call apt with the rights it needs; empty when that is not possible."""
    apt = shutil.which("apt-get")
    sudo = shutil.which("sudo")
    if apt and os.geteuid() == 0:
        return [apt]
    if apt and sudo and subprocess.run([sudo, "-n", "true"], check=False, capture_output=True).returncode == 0:
        return [sudo, "-n", "DEBIAN_FRONTEND=noninteractive", apt]
    return []


def run(apt: list[str], *arguments: str, tells_why: bool = False) -> bool:
    """True when it worked; quiet unless it did not and `tells_why`."""
    environment = dict(os.environ, DEBIAN_FRONTEND="noninteractive")
    done = subprocess.run(
        [*apt, *OPTIONS, *arguments], check=False, env=environment, stdin=subprocess.DEVNULL, capture_output=True, text=True
    )
    if done.returncode and tells_why:
        print("\n".join((done.stdout + done.stderr).splitlines()[-KEPT_LINES:]), file=sys.stderr)
    return done.returncode == 0


def say(text: str) -> None:
    """One line of progress."""
    print(f"timos: {text}", file=sys.stderr, flush=True)


if __name__ == "__main__":
    main()
