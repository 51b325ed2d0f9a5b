"""`make screenshots`: every screen and dialog with the demo's half year, in light, dark and on a phone, into build/screenshots/.

python -m tests.screenshots [--only NAME …]
"""

import html
import sys
from argparse import ArgumentParser
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory  # noqa: TID251 (an instance of nobody)

from playwright.sync_api import Browser, BrowserContext, Error, Page, sync_playwright
from rich.progress import Progress

from tests.e2e.browser import HABITS, WAIT_MS, launch
from tests.e2e.demo import demo_in, enter
from tests.e2e.screens import Parting, Screen, dialogs, inside, outside, partings
from tests.support import Json
from timos.kernel.clock import SystemClock
from timos.lifecycle.demo import telling

FOLDER = Path("build/screenshots")


@dataclass(frozen=True, slots=True)
class Look:
    name: str
    width: int
    height: int
    is_dark: bool

    @property
    def is_phone(self) -> bool:
        return self.name.startswith("phone")

    @property
    def options(self) -> dict[str, Json]:
        return {
            **HABITS,
            "viewport": {"width": self.width, "height": self.height},
            "color_scheme": "dark" if self.is_dark else "light",
            "device_scale_factor": 2 if self.is_phone else 1,
        }


LOOKS = (
    Look("light", 1280, 900, is_dark=False),
    Look("dark", 1280, 900, is_dark=True),
    Look("phone-light", 390, 844, is_dark=False),
    Look("phone-dark", 390, 844, is_dark=True),
)


def main() -> None:
    parser = ArgumentParser(prog="python -m tests.screenshots", description="Pictures of every screen.")
    parser.add_argument("--only", nargs="+", default=(), metavar="NAME", help="screens whose name begins so")
    options = parser.parse_args()
    FOLDER.mkdir(parents=True, exist_ok=True)
    with TemporaryDirectory(prefix="timos-pictures-") as folder, demo_in(Path(folder)) as server, sync_playwright() as running:
        browser = launch(running)
        problems = list(take_all(browser, server.url, tuple(options.only)))
        browser.close()
    write_index()
    sys.stdout.write(f"{FOLDER / 'index.html'}: {len(list(FOLDER.glob('*.png')))} pictures\n")
    if problems:
        sys.exit("\n".join(problems))


def take_all(browser: Browser, url: str, only: tuple[str, ...]) -> Iterator[str]:
    """Answers what could not be shown."""
    today = telling.today_at(SystemClock().now_ms())
    work: list[tuple[Look, bool | None, Screen | Parting]] = [
        (look, signed_in, screen) for look in LOOKS for signed_in, screen in screens_for(look, today) if wanted(screen.name, only)
    ]
    work += [(look, None, parting) for look in LOOKS for parting in partings(today) if wanted(parting.name, only)]
    with Progress() as progress:
        task = progress.add_task("Pictures", total=len(work))
        contexts: dict[tuple[Look, bool | str], BrowserContext] = {}
        for look, is_signed_in, screen in work:
            progress.update(task, description=f"{look.name}: {screen.name}")
            device = screen.name if is_signed_in is None else is_signed_in  # a parting has one of its own
            if (look, device) not in contexts:
                contexts[look, device] = context_for(browser, url, look, is_signed_in=is_signed_in or False)
            page = contexts[look, device].new_page()
            try:
                screen.open(page, url)
            except (AssertionError, Error) as error:
                yield f"{look.name}: {screen.name}: {str(error).splitlines()[0]}"
            take(page, FOLDER / f"{screen.name}.{look.name}.png", look)
            page.close()
            progress.advance(task)
        for context in contexts.values():
            context.close()


def wanted(name: str, only: tuple[str, ...]) -> bool:
    return not only or name.startswith(only)


def screens_for(look: Look, today: Json) -> Iterator[tuple[bool, Screen]]:
    yield from ((False, screen) for screen in outside())
    yield from ((True, screen) for screen in [*inside(today), *dialogs(today)] if look.is_phone or not screen.is_for_phone)


def context_for(browser: Browser, url: str, look: Look, *, is_signed_in: bool) -> BrowserContext:
    context = browser.new_context(**look.options)
    context.set_default_timeout(WAIT_MS)
    if is_signed_in:
        page = context.new_page()
        enter(page, url)
        page.close()
    return context


def take(page: Page, path: Path, look: Look) -> None:
    """The whole page, in a window that is high enough for it; a dialog as it lies over what is seen of the page."""
    if not page.locator("dialog[open]").count():
        height = int(page.evaluate("document.documentElement.scrollHeight"))
        page.set_viewport_size({"width": look.width, "height": max(look.height, height)})
    page.screenshot(path=path, animations="disabled")


def write_index() -> None:
    """All pictures on one page, side by side."""
    names = sorted({path.name.split(".")[0] for path in FOLDER.glob("*.png")})
    rows = "".join(
        f"<h2>{html.escape(name)}</h2><p>"
        + "".join(
            f"<a href='{name}.{look.name}.png'><img loading=lazy src='{name}.{look.name}.png' alt='{name}, {look.name}'></a>"
            for look in LOOKS
            if (FOLDER / f"{name}.{look.name}.png").exists()
        )
        + "</p>"
        for name in names
    )
    style = "body{font:16px sans-serif;margin:2rem;background:#888}img{height:26rem;margin:.5rem;vertical-align:top}"
    page = f"<!doctype html><meta charset=utf-8><title>TimOS: every screen</title><style>{style}</style>{rows}"
    (FOLDER / "index.html").write_text(page, encoding="utf-8")


if __name__ == "__main__":
    main()
