"""The composition root: settings → databases and keys → the web. Only here do all parts meet.

A process that serves is this module and what it imports. That is without the command line (`timos.commands`), whose libraries take 15 MiB.
"""

import gc
import json
import os
import socket
import sys
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from functools import cache
from importlib.metadata import version
from pathlib import Path

import uvicorn
from starlette.types import ASGIApp

from timos import config, signals
from timos.cli import local
from timos.cli.output import hint
from timos.config import Settings
from timos.kernel.clock import SystemClock
from timos.kernel.errors import StartError
from timos.lifecycle import erase, ledgers
from timos.lifecycle.founding import places
from timos.lifecycle.instance import Instance, open_instance
from timos.lifecycle.signup import setup_token
from timos.platform.audit import Event
from timos.web import shell
from timos.web.api import ROUTES, pages
from timos.web.deps import ACCESS_COOKIE, Services, cookie_name, identify
from timos.web.dispatch.frame import build
from timos.web.middleware.connection import BoundedProtocol
from timos.web.middleware.limits import SharedRates
from timos.web.middleware.log import Log, new_log
from timos.web.middleware.settings import WebSettings
from timos.web.openapi import description

VERSION = version("timos")
BUILT = Path(__file__).resolve().parent / "_web"  # requirements/web.py puts the app there, and every wheel holds it
BACKLOG = 2048
DOORS = 8  # the event loop takes one connection at a time from each: a browser's six at once wait for one turn of it, not for six
GRACE_SECONDS = 8  # for requests under way when the server is told to stop: Docker kills after ten
MIB = 1024 * 1024


def document(*, is_https: bool = True) -> dict[str, object]:
    """The OpenAPI document of this version; the name of the cookie depends on https."""
    return description.document(ROUTES, VERSION, cookie_name=cookie_name(ACCESS_COOKIE, is_https=is_https))


@cache
def _described(*, is_https: bool) -> bytes:
    return json.dumps(document(is_https=is_https)).encode()


_read_once = cache(shell.load)  # neither changes while the process lives


def web(settings: Settings, instance: Instance, log: Log, shared_rates: SharedRates | None = None) -> ASGIApp:
    """The application over an open instance."""
    services = Services(
        instance,
        is_https=settings.is_https,
        registration=settings.registration,
        import_limit_bytes=settings.import_limit_mib * MIB,
        version=VERSION,
        openapi=_described(is_https=settings.is_https),
        shell=_read_once(BUILT),
    )
    web_settings = WebSettings(
        hosts=(config.host_of(settings.url), "localhost", "127.0.0.1", "[::1]", *settings.hosts),
        origins=settings.origins,
        proxies=settings.proxies,
        is_https=settings.is_https,
        user_requests_per_minute=settings.requests_per_minute,
        transfers_per_hour=settings.transfers_per_hour,
    )
    return build(
        ROUTES,
        identify=identify,
        settings=web_settings,
        app=services,
        log=log,
        missing=pages.MISSING,
        clock=instance.clock,
        random=instance.random,
        shared_rates=shared_rates,
    )


@asynccontextmanager
async def rates(settings: Settings, instance: Instance, log: Log) -> AsyncIterator[SharedRates | None]:
    """Where requests are counted for all processes, if anywhere."""
    address = settings.limits_address
    if address is None:
        yield None
        return
    from timos.web.middleware.redis_limits import RedisRates  # noqa: PLC0415 (a third of a second that only those pay who have a server)

    shared = RedisRates(address, instance.limits.request_name, instance.clock, log)
    try:
        yield shared
    finally:
        await shared.close()


Prepare = Callable[[Instance, str], Awaitable[None]]  # with the address that the server will have


async def serve_until_stopped(settings: Settings, prepare: Prepare | None = None) -> None:
    """Until SIGTERM or Ctrl-C: what is under way is answered, then both databases are closed. `prepare` runs before the first request
    is answered.

    Raises:
        StartError: the port is taken, or the instance cannot be opened.
    """
    with signals.stopped_well() as stop:
        await _serve(settings, prepare, stop)


async def _serve(settings: Settings, prepare: Prepare | None, stop: signals.Stop) -> None:
    listener = _listen(settings)
    clock = SystemClock()
    is_json = settings.log_format == "json" or (settings.log_format == "auto" and not sys.stderr.isatty())
    log = new_log(clock, level=settings.log_level, is_json=is_json)
    try:
        instance = await open_instance(local.places_of(settings), local.numbers_of(settings), clock=clock, is_server=True)
    except BaseException:
        listener.close()
        raise
    try:
        await ledgers.require_complete(instance)
        finished = await erase.finish_begun(instance)
        if instance.places.files:
            instance.ballast.lay()
        await instance.audit.record(Event.SYSTEM_STARTED)
        url = _url(settings, listener)
        places.note_address(instance.places, url)
        await (prepare(instance, url) if prepare else _tell(settings, instance, url, finished))
        async with rates(settings, instance, log) as shared_rates:
            server = _server(web(settings, instance, log, shared_rates))
            stop.how = server.finish
            gc.collect()
            gc.freeze()  # what lives until the end need not be looked through at every collection
            await server.serve(sockets=[listener, *(listener.dup() for _ in range(DOORS - 1))])
    finally:
        await instance.close()


class _Server(uvicorn.Server):
    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Not by uvicorn, which lets the signal end the process as soon as its own part is done: before the databases are closed."""
        yield

    def finish(self) -> None:
        self.should_exit = True


def _server(application: ASGIApp) -> _Server:
    return _Server(
        uvicorn.Config(
            application,
            http=BoundedProtocol,
            ws="none",
            lifespan="off",
            loop="none",
            log_level="warning",
            access_log=False,  # it would write raw paths; ours writes templates
            proxy_headers=False,  # the frame walks X-Forwarded-For itself, from configured proxies only
            server_header=False,
            date_header=False,
            backlog=BACKLOG,
            timeout_keep_alive=30,
            timeout_graceful_shutdown=GRACE_SECONDS,
        )
    )


def _listen(settings: Settings) -> socket.socket:
    family = socket.AF_INET6 if ":" in settings.host else socket.AF_INET
    listener = socket.socket(family, socket.SOCK_STREAM)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((settings.host, settings.port))
    except OSError as error:
        listener.close()
        message = (
            f"Port {settings.port} on {settings.host} cannot be used: {error.strerror}. Another program (another TimOS?) may be using it. "
            f"Choose another: timos serve --port {settings.port + 1}, or set TIMOS_PORT."
        )
        raise StartError(message) from error
    return listener


def _url(settings: Settings, listener: socket.socket) -> str:
    return settings.url if settings.port or settings.public_url else f"http://localhost:{listener.getsockname()[1]}"


async def _tell(settings: Settings, instance: Instance, url: str, finished: int) -> None:
    """What an operator must know at the start; on stderr, so that a log of stdout stays empty."""
    places = instance.places
    lines = [
        f"TimOS {VERSION} on {url}",
        f"  data        {places.data_dir}",
        f"  master key  {places.key}",
    ]
    if instance.founded.is_new or not settings.master_key_copied:
        lines.append("  Copy the master key to another place now: without it nothing that is written here can ever be read again.")
    if instance.founded.migrated:
        lines.append(f"  Brought up to date: {', '.join(instance.founded.migrated)}. Copies from before are kept until the next start.")
    if weaknesses := await instance.may_lose():
        lines.append(f"  A power cut would lose acknowledged writes ({', '.join(weaknesses)}): change these settings.")
    if finished:
        lines.append(f"  Finished {finished} erasure(s) that had been cut short.")
    token = await setup_token(instance)
    if token:
        lines += ["", "  Make the first account, yours, with this link (once, within a day):", f"  {url}/#setup={token}", ""]
    hint("\n".join(lines))


def run(*, host: str | None = None, port: int | None = None) -> None:
    """Serves until it is told to stop; None is what the settings say.

    Raises:
        StartError: as `serve_until_stopped`, and for settings that cannot be used.
    """
    run_until_stopped(config.load(host=host, port=port))


def run_until_stopped(settings: Settings, prepare: Prepare | None = None) -> None:
    """`serve_until_stopped`, with files that are nobody else's to read, in an event loop of its own."""
    os.umask(0o077)  # databases, write-ahead logs and copies
    import uvloop  # noqa: PLC0415 (not on every platform, and no command needs it that does not serve)

    uvloop.run(serve_until_stopped(settings, prepare))
