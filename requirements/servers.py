"""Sees to it that the tests have servers: Debian's PostgreSQL with PgBouncer, MariaDB and Redis, installed by apt where that is possible
without asking.

The tests start servers of their own, without privileges; the ones that the packages would start are not needed and not started.
Never fails: without a server its tests say NOT RUN, and everything else runs. Where packages come from is this machine's business.
"""

from __future__ import annotations  # the system's own Python runs this

import os
import shutil
from pathlib import Path

from browser import apt_command, run, say  # type: ignore[import-not-found]  # beside this file, which is no package

PACKAGES = {"postgresql": "postgresql", "mariadb": "mariadb-server", "redis": "redis-server", "pgbouncer": "pgbouncer"}
POLICY = Path("/usr/sbin/policy-rc.d")  # asked by Debian's packages before they start a service


def main() -> None:
    """Says one line before it begins, and one if it cannot."""
    missing = [package for engine, package in PACKAGES.items() if not is_there(engine)]
    if not missing:
        return
    names = " and ".join(missing)
    apt = apt_command()
    if not apt:
        say(f"no {names} for the tests, and no right to install it. Install {'it' if len(missing) == 1 else 'them'}, or make test as root.")
        return
    say(f"installing {names} for the tests; this takes a minute")
    install = ("install", "-y", "--no-install-recommends", *missing)
    with_policy = forbid_start()
    try:
        if run(apt, *install):
            return
        run(apt, "update")  # the lists of a fresh container are empty
        if not run(apt, *install, tells_why=True):
            say(f"{names} could not be installed; apt said why above.")
    finally:
        if with_policy:
            POLICY.unlink()


def is_there(engine: str) -> bool:
    """Debian keeps PostgreSQL's programs in a folder of their version, and MariaDB's where only root looks."""
    if engine == "postgresql":
        return any(Path("/usr/lib/postgresql").glob("*/bin/postgres")) or bool(shutil.which("postgres"))
    if engine == "redis":
        return bool(shutil.which("redis-server") or shutil.which("valkey-server"))
    return bool(shutil.which({"mariadb": "mariadbd"}.get(engine, engine), path=f"{os.environ.get('PATH', '')}:/usr/sbin"))


def forbid_start() -> bool:
    """No service of the machine's own comes with the packages; True when that had to be said. Only as root, and only where nobody
    has said anything yet.
    """
    if os.geteuid() != 0 or POLICY.exists():
        return False
    POLICY.write_text("#!/bin/sh\nexit 101\n")
    POLICY.chmod(0o755)
    return True


if __name__ == "__main__":
    main()
