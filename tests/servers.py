"""Database servers of the tests' own: without privileges, on a free port, in a folder that is gone afterwards, whatever happens.

Each process of tests starts what its tests ask for, once. Between it and the server stands a keeper (this file, run as a program) that
ends the server and removes the folder as soon as its input ends: also when the tests are killed.
"""

import fcntl
import os
import pwd
import shutil
import signal
import socket
import subprocess
import sys
import tempfile  # noqa: TID251 (what is in it is the tests' own, and another user's programs must get there)
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO

START_SECONDS = 120  # of a machine with ten other things to do
NOT_RUN = "NOT RUN"  # begins the reason of a skip that must be seen
USER = "timos"
PASSWORD = "of tests: @/?#"  # to be quoted in an address
NOBODY = "nobody"
MEMORY = Path("/dev/shm")  # noqa: S108 (in memory a disk's fsync costs nothing, and the settings can stay those of production)
MEMORY_BYTES = 1 << 30


@dataclass(frozen=True, slots=True)
class Running:
    """A server that answers on loopback."""

    engine: str
    port: int
    folder: Path
    pid: int
    keeper: "subprocess.Popen[str]" = field(repr=False)

    def kill(self) -> None:
        """`kill -9` for it and all processes of its own."""
        self._say("kill")

    def start(self) -> None:
        """Anew, on the same port, with the files that it left; it is there when this returns, and may still refuse connections."""
        self._say("start")

    def _say(self, word: str) -> None:
        assert self.keeper.stdin is not None
        assert self.keeper.stdout is not None
        self.keeper.stdin.write(f"{word}\n")
        self.keeper.stdin.flush()
        if self.keeper.stdout.readline() != f"{word}\n":
            raise AssertionError(f"{self.engine} could not {word}; its log stands above")


def missing(engine: str) -> str | None:
    """Why it cannot run here, or None."""
    if _program(engine):
        return None
    return f"{engine} is not installed: as root, or with sudo, `make test` installs it"


@contextmanager
def running(engine: str, *options: str, tls: Path | None = None) -> Iterator[Running]:
    """A server with the user `USER`, who may make databases; Redis knows the password only. `options` are arguments of its program, but
    lines of its file for PgBouncer, which stands before the server that they name; `tls` is a folder with `server.pem` and its key.
    """
    line = [sys.executable, __file__, engine, str(tls or ""), *options]
    keeper = subprocess.Popen(line, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, start_new_session=True)
    assert keeper.stdin is not None
    assert keeper.stdout is not None
    try:
        words = keeper.stdout.readline().split()
        if len(words) != 3:
            raise AssertionError(f"{engine} did not start; its log stands above")
        yield Running(engine, int(words[0]), Path(words[1]), int(words[2]), keeper)
    finally:
        keeper.stdin.close()
        keeper.wait(timeout=START_SECONDS)
        keeper.stdout.close()


# ── the keeper ───────────────────────────────────────────────────────────────────────────────────────────────────────


def _program(engine: str) -> str | None:
    if engine == "postgresql":
        folders = sorted(Path("/usr/lib/postgresql").glob("*/bin"), key=lambda path: int(path.parent.name))
        return str(folders[-1] / "postgres") if folders else shutil.which("postgres")
    if engine == "redis":
        return shutil.which("redis-server") or shutil.which("valkey-server")
    return shutil.which({"mariadb": "mariadbd"}.get(engine, engine), path=f"{os.environ.get('PATH', '')}:/usr/sbin")


def _keep(engine: str, tls: str, *options: str) -> None:
    has_room = MEMORY.is_dir() and os.statvfs(MEMORY).f_bavail * os.statvfs(MEMORY).f_frsize > MEMORY_BYTES
    folder = Path(tempfile.mkdtemp(prefix="timos-tests-", dir=MEMORY if has_room else None))
    server, reserved = None, None
    try:
        as_user = _unprivileged(folder)
        port, reserved = _port()
        if engine == "pgbouncer":
            line = _pgbouncer(folder, port, options)
        else:
            line = {"postgresql": _postgresql, "mariadb": _mariadb, "redis": _redis}[engine](folder, port, as_user)
            line += [*(_tls(engine, Path(tls), folder, port) if tls else []), *options]
        server = _started(line, folder, port, as_user)
        print(port, folder, server.pid, flush=True)  # noqa: T201 (what the tests wait for)
        for word in sys.stdin:
            if word == "kill\n":
                _kill(server)
            elif word == "start\n":
                server = _started(line, folder, port, as_user)
            print(word, end="", flush=True)  # noqa: T201 (likewise)
    except BaseException:
        if (folder / "log").exists():
            sys.stderr.write((folder / "log").read_text(encoding="utf-8", errors="replace")[-4000:])
        raise
    finally:
        if server is not None:
            _end(server, engine)
        shutil.rmtree(folder, ignore_errors=True)
        if reserved is not None:
            Path(reserved.name).unlink(missing_ok=True)
            reserved.close()


def _started(line: list[str], folder: Path, port: int, as_user: dict[str, object]) -> "subprocess.Popen[bytes]":
    with (folder / "log").open("ab") as log:
        server: subprocess.Popen[bytes] = subprocess.Popen(  # type: ignore[call-overload]  # see _unprivileged
            line, stdout=log, stderr=log, stdin=subprocess.DEVNULL, cwd=folder, env=_environment(folder), **as_user
        )
    _wait(port, server)
    return server


def _kill(server: "subprocess.Popen[bytes]") -> None:
    """With its children, each of which PostgreSQL puts into a session of its own."""
    children = Path(f"/proc/{server.pid}/task/{server.pid}/children").read_text(encoding="ascii").split()
    for pid in (server.pid, *map(int, children)):
        with suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)
    server.wait()


def _end(server: "subprocess.Popen[bytes]", engine: str) -> None:
    """Nothing of it is kept; but PostgreSQL is told, for it gives back the memory that outlives a process."""
    if engine == "postgresql":
        server.send_signal(signal.SIGQUIT)
        with suppress(subprocess.TimeoutExpired):
            server.wait(timeout=3)
    server.kill()
    server.wait()


def _port() -> tuple[int, IO[str]]:
    """A free one, that no other keeper takes as long as the file is open: a server binds it only seconds later, and whoever came second
    would take the first one's server for its own.
    """
    while True:
        with closing(socket.socket()) as probe:
            probe.bind(("127.0.0.1", 0))
            port = probe.getsockname()[1]
        reserved = Path(MEMORY if MEMORY.is_dir() else tempfile.gettempdir(), f"timos-tests-port-{port}").open("a", encoding="ascii")  # noqa: SIM115 (held by the caller)
        try:
            fcntl.flock(reserved, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            reserved.close()
            continue
        with closing(socket.socket()) as probe:  # one that was taken when the file was free already
            if probe.connect_ex(("127.0.0.1", port)):
                return port, reserved


def _unprivileged(folder: Path) -> dict[str, object]:
    """Arguments for a program that runs as nobody: PostgreSQL refuses root, and none of them needs it."""
    if os.geteuid() != 0:
        return {}
    nobody = pwd.getpwnam(NOBODY)
    os.chown(folder, nobody.pw_uid, nobody.pw_gid)
    return {"user": nobody.pw_uid, "group": nobody.pw_gid, "extra_groups": []}


def _environment(folder: Path) -> dict[str, str]:
    """The temporary folder of whoever runs the tests may be closed to the user that the server runs as."""
    return {**os.environ, "TMPDIR": str(folder)}


def _once(line: list[str], folder: Path, as_user: dict[str, object], text: str = "") -> None:
    done = subprocess.run(  # type: ignore[call-overload]  # see _unprivileged
        line, input=text, cwd=folder, env=_environment(folder), capture_output=True, text=True, check=False, **as_user
    )
    if done.returncode:
        raise AssertionError(f"{line[0]}: {done.stdout}{done.stderr}")


def _postgresql(folder: Path, port: int, as_user: dict[str, object]) -> list[str]:
    postgres = _program("postgresql")
    assert postgres
    data = folder / "data"
    secret = folder / "secret"
    secret.write_text(PASSWORD)
    secret.chmod(0o644)
    initdb = [str(Path(postgres).with_name("initdb")), "-D", str(data), "-U", USER, "-A", "scram-sha-256", f"--pwfile={secret}"]
    _once([*initdb, "-E", "UTF8", "--locale=C", "--no-sync"], folder, as_user)
    settings = {
        "port": port,
        "listen_addresses": "127.0.0.1",
        "unix_socket_directories": folder,
        "shared_buffers": "32MB",
        "max_connections": 100,
        "autovacuum": "off",
        "dynamic_shared_memory_type": "mmap",
        "max_wal_size": "256MB",
        "logging_collector": "off",
    }
    return [postgres, "-D", str(data), *(part for name, value in settings.items() for part in ("-c", f"{name}={value}"))]


def _mariadb(folder: Path, port: int, as_user: dict[str, object]) -> list[str]:
    mariadbd, install = _program("mariadb"), shutil.which("mariadb-install-db")
    assert mariadbd
    assert install
    data = folder / "data"
    _once(
        [
            install,
            "--no-defaults",
            f"--datadir={data}",
            "--auth-root-authentication-method=normal",
            "--skip-test-db",
            "--skip-name-resolve",
        ],
        folder,
        as_user,
    )
    first = folder / "first.sql"
    first.write_text(  # read at each start
        f"CREATE USER IF NOT EXISTS {USER}@'%' IDENTIFIED BY '{PASSWORD}';\nGRANT ALL ON *.* TO {USER}@'%';\n"
        "DROP USER IF EXISTS root@localhost;\n"
    )
    first.chmod(0o644)
    settings = {
        "datadir": data,
        "tmpdir": folder,  # in a shared one a server that starts deletes the tables that it takes for its own leftovers
        "port": port,
        "bind-address": "127.0.0.1",
        "socket": folder / "socket",
        "pid-file": folder / "pid",
        "init-file": first,
        "skip-name-resolve": 1,
        "innodb-buffer-pool-size": "32M",
        "innodb-log-file-size": "32M",
        "innodb-file-per-table": 0,  # making a database's tables is most of what a test costs
        "key-buffer-size": "1M",
        "performance-schema": 0,
        "max-connections": 100,
    }
    return [mariadbd, "--no-defaults", *(f"--{name}={value}" for name, value in settings.items())]


def _tls(engine: str, made: Path, folder: Path, port: int) -> list[str]:
    """The databases want the key to be their own and nobody else's."""
    for name in ("server.pem", "server.key"):
        shutil.copyfile(made / name, folder / name)
        (folder / name).chmod(0o600)
        os.chown(folder / name, folder.stat().st_uid, folder.stat().st_gid)
    if engine == "postgresql":
        return ["-c", "ssl=on", "-c", f"ssl_cert_file={folder}/server.pem", "-c", f"ssl_key_file={folder}/server.key"]
    if engine == "redis":  # on the one port that there is, and from nobody a certificate
        names = {"port": "0", "tls-port": str(port), "tls-cert-file": f"{folder}/server.pem", "tls-key-file": f"{folder}/server.key"}
        return [part for name, value in {**names, "tls-auth-clients": "no"}.items() for part in (f"--{name}", value)]
    return [f"--ssl-cert={folder}/server.pem", f"--ssl-key={folder}/server.key"]


def _redis(folder: Path, port: int, _: dict[str, object]) -> list[str]:
    program = _program("redis")
    assert program
    settings = {"port": port, "bind": "127.0.0.1", "dir": folder, "save": "", "appendonly": "no", "requirepass": PASSWORD}
    return [program, *(part for name, value in settings.items() for part in (f"--{name}", str(value)))]


def _pgbouncer(folder: Path, port: int, settings: tuple[str, ...]) -> list[str]:
    """It learns passwords from a file of its own, and proves itself with them on both sides."""
    program = _program("pgbouncer")
    assert program
    users, file = folder / "users", folder / "pgbouncer.ini"
    users.write_text(f'"{USER}" "{PASSWORD}"\n', encoding="utf-8")
    own = {
        "listen_addr": "127.0.0.1",
        "listen_port": port,
        "unix_socket_dir": folder,
        "auth_type": "scram-sha-256",
        "auth_file": users,
        "admin_users": USER,
        "pool_mode": "transaction",
    }
    lines = ["[databases]", *settings[:1], "[pgbouncer]", *(f"{name} = {value}" for name, value in own.items()), *settings[1:]]
    file.write_text("\n".join(lines) + "\n", encoding="utf-8")
    for path in (users, file):
        path.chmod(0o644)
    return [program, "-q", str(file)]


def _wait(port: int, server: "subprocess.Popen[bytes]") -> None:
    until = time.monotonic() + START_SECONDS
    while time.monotonic() < until:
        if server.poll() is not None:
            break
        with closing(socket.socket()) as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.02)
    raise AssertionError("the server ended, or does not listen")


if __name__ == "__main__":
    _keep(*sys.argv[1:])
