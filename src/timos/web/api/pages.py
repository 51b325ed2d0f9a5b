"""The plain page: three files, served as they are."""

from collections.abc import Iterator
from functools import partial
from pathlib import Path

from timos.web.answers import Answer
from timos.web.middleware.headers import PAGE_CSP
from timos.web.route import Access, AnyQuery, Call, Route

FOLDER = Path(__file__).resolve().parent.parent / "page"
FILES = {
    "/": ("index.html", "text/html; charset=utf-8"),
    "/static/app.js": ("app.js", "text/javascript; charset=utf-8"),
    "/static/style.css": ("style.css", "text/css; charset=utf-8"),
}


async def show(content: bytes, media_type: str, _: Call) -> Answer:
    return Answer(200, content, media_type=media_type.encode("ascii"))


def routes() -> Iterator[Route]:
    for path, (name, media_type) in FILES.items():
        yield Route(
            method="GET",
            path=path,
            name=f"page_{Path(name).stem}",
            summary=f"The page: {name}",
            handler=partial(show, (FOLDER / name).read_bytes(), media_type),
            tag="Page",
            access=Access.PUBLIC,
            answer_media_type=media_type,
            cache="no-cache",
            csp=PAGE_CSP,
            query=AnyQuery,
            rate=None,
        )
