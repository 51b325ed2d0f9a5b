"""The web app's files and the addresses of its screens, and the API reference. All of it is open to anybody: it holds no data."""

from collections.abc import Iterator
from functools import partial

from timos.kernel.errors import NotFoundError
from timos.web.answers import Answer
from timos.web.deps import services_of
from timos.web.middleware.headers import PAGE_CSP, REFERENCE_CSP
from timos.web.route import Access, AnyQuery, Call, Route
from timos.web.shell import INDEX, File

FOR_EVER = "public, max-age=31536000, immutable"
ASK_AGAIN = "no-cache"
HTML = "text/html; charset=utf-8"
NOT_BUILT = (
    "<!doctype html><html lang=en><meta charset=utf-8><title>TimOS</title><p>The web app is not built: stop the server and start it "
    "with <code>make run</code>, or build it with <code>python3 requirements/web.py build</code> and start the server again.</p>"
)
SCREENS = {  # the app finds out by itself which one it shows
    "today": "/",
    "day": "/day/{day}",
    "calendar": "/calendar",
    "calendar_period": "/calendar/{period}",
    "insights": "/insights",
    "week": "/week",
    "week_of": "/week/{week}",
    "pillars": "/pillars",
    "pillar": "/pillars/{id}",
    "habits": "/habits",
    "moods": "/moods",
    "search": "/search",
    "settings": "/settings",
    "settings_section": "/settings/{section}",
    "welcome": "/welcome",
    "login": "/login",
    "signup": "/signup",
    "lock": "/lock",
}


async def show_screen(call: Call) -> Answer:
    found = services_of(call).shell.find(INDEX)
    return _sent(call, found) if found else Answer(503, NOT_BUILT.encode(), media_type=HTML.encode())


async def show_missing(call: Call) -> Answer:
    """The app says what is not there. Without an ETag: the same page is right at another address, and a 304 would say that here, too."""
    variant = _found(call, INDEX).for_client(call.header("accept-encoding"))
    coding = ((b"content-encoding", variant.coding),) if variant.coding else ()
    return Answer(404, variant.body, coding, HTML.encode())


async def show_file(name: str, call: Call) -> Answer:
    return _sent(call, _found(call, name))


async def show_one_of(folder: str, call: Call) -> Answer:
    """`{folder}/{name}` is a key of a dict here, never a path."""
    return _sent(call, _found(call, f"{folder}/{call.path['name']}"))


def _found(call: Call, name: str) -> File:
    file = services_of(call).shell.find(name)
    if file is None:
        raise NotFoundError
    return file


def _sent(call: Call, file: File) -> Answer:
    """The file, or 304 for who has it."""
    variant = file.for_client(call.header("accept-encoding"))
    headers = [(b"etag", variant.etag)]
    if _is_known(call, variant.etag.decode("ascii")):
        return Answer(304, headers=tuple(headers))
    if variant.coding:
        headers.append((b"content-encoding", variant.coding))
    return Answer(200, variant.body, tuple(headers), file.media_type)


def _is_known(call: Call, etag: str) -> bool:
    """If-None-Match compares weakly (RFC 9110 section 13.1.2): a proxy that recompressed may have made our tag a weak one."""
    tags = [tag.strip().removeprefix("W/") for tag in (call.header("if-none-match") or "").split(",")]
    return etag in tags or tags == ["*"]


_page = partial(
    Route,
    method="GET",
    tag="Page",
    access=Access.PUBLIC,
    csp=PAGE_CSP,
    cache=ASK_AGAIN,
    vary=("Accept-Encoding",),
    query=AnyQuery,
    rate=None,
    is_described=False,
)

# for a browser that was sent to an address where nothing is
MISSING = _page(
    path="unmatched", name="page_missing", summary="The app at no screen", handler=show_missing, vary=("Accept", "Accept-Encoding")
)


def routes() -> Iterator[Route]:
    for name, path in SCREENS.items():
        yield _page(path=path, name=f"page_{name}", summary=f"The app at its screen {name}", handler=show_screen, answer_media_type=HTML)
    yield _page(
        path="/assets/{name}", name="page_assets", summary="Scripts and styles", handler=partial(show_one_of, "assets"), cache=FOR_EVER
    )
    yield _page(path="/icons/{name}", name="page_icons", summary="Icons", handler=partial(show_one_of, "icons"))
    yield _page(
        path="/manifest.webmanifest", name="page_manifest", summary="What an installed app is called",
        handler=partial(show_file, "manifest.webmanifest"),
    )  # fmt: skip
    yield _page(path="/sw.js", name="page_worker", summary="The worker that keeps the shell", handler=partial(show_file, "sw.js"))
    yield _page(
        path="/api/docs",
        name="page_reference",
        summary="The API reference",
        handler=partial(show_file, "reference/index.html"),
        answer_media_type=HTML,
        csp=REFERENCE_CSP,
    )
    yield _page(
        path="/api/docs/{name}",
        name="page_reference_files",
        summary="Its files",
        handler=partial(show_one_of, "reference"),
        csp=REFERENCE_CSP,
    )
