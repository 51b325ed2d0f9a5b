"""Which route a request is for."""

from collections.abc import Iterable
from typing import NamedTuple

from timos.kernel.errors import NotFoundError, StartError
from timos.web import strict_json
from timos.web.answers import Header
from timos.web.middleware import guard, headers
from timos.web.middleware.settings import WebSettings
from timos.web.route import Call, RawBody, Route

_ANY = "\0"  # stands for a parameter; no path that we look up contains it


class Entry(NamedTuple):
    """A route with what was worked out for it at start."""

    route: Route
    parameters: tuple[str, ...]
    fixed: tuple[Header, ...]
    refused: tuple[Header, ...]


class Table:
    """Which route a path and method belong to. A path is one look-up; with parameters, one more for each pattern of its length."""

    __slots__ = ("_missing", "_paths", "_patterns")

    def __init__(self, routes: Iterable[Route], settings: WebSettings, missing: Route | None) -> None:
        self._missing = None if missing is None else {method: _entry(missing, (), settings) for method in ("GET", "HEAD")}
        self._paths: dict[str, dict[str, Entry]] = {}
        self._patterns: dict[int, list[tuple[int, ...]]] = {}
        names: set[str] = set()
        for route in routes:
            _check_route(route, names, settings)
            self._add(route, settings)
        for methods in self._paths.values():
            if "GET" in methods:
                methods.setdefault("HEAD", methods["GET"])
        for patterns in self._patterns.values():
            patterns.sort(key=lambda positions: (len(positions), positions))  # fewest parameters first: `current` before `{week}`

    def find(self, path: str) -> tuple[dict[str, Entry], list[str]]:
        """The entries of a path by method, and the values of its parameters.

        Raises:
            NotFoundError: no route has this path.
        """
        if methods := self._paths.get(path):
            return methods, []
        segments = path.split("/")
        for positions in self._patterns.get(len(segments), ()):
            values = [segments[position] for position in positions]
            key = segments.copy()
            for position in positions:
                key[position] = _ANY
            methods = self._paths.get("/".join(key))
            if methods and all(values):
                return methods, values
        raise NotFoundError

    def find_for(self, call: Call) -> tuple[dict[str, Entry], list[str]]:
        """As `find`, and where nothing is, the page that says so for who would look at it."""
        path = guard.plain_path(call.scope)
        try:
            return self.find(path)
        except NotFoundError:
            if self._missing is None or call.scope["method"] not in self._missing or not _is_page_wanted(call, path):
                raise
            return self._missing, []

    def _add(self, route: Route, settings: WebSettings) -> None:
        segments = route.path.split("/")
        positions = tuple(i for i, segment in enumerate(segments) if segment.startswith("{"))
        key = "/".join(_ANY if i in positions else segment for i, segment in enumerate(segments))
        methods = self._paths.setdefault(key, {})
        if route.method in methods:
            raise StartError(f"Two routes answer {route.method} {route.path}.")
        methods[route.method] = _entry(route, tuple(segments[i][1:-1] for i in positions), settings)
        patterns = self._patterns.setdefault(len(segments), [])
        if positions and positions not in patterns:
            patterns.append(positions)


def _entry(route: Route, parameters: tuple[str, ...], settings: WebSettings) -> Entry:
    return Entry(route, parameters, headers.fixed(route, settings), headers.fixed(route, settings, is_error=True))


def _is_page_wanted(call: Call, path: str) -> bool:
    """Below `/api` a program asks, also where it runs in a browser."""
    return not f"{path}/".startswith("/api/") and "text/html" in (call.header("accept") or "")


def _check_route(route: Route, names: set[str], settings: WebSettings) -> None:
    if route.name in names:
        raise StartError(f"Two routes are named {route.name}.")
    names.add(route.name)
    if route.rate is not None and route.rate not in settings.rates:
        raise StartError(f"Route {route.name} names the rate {route.rate}, which does not exist.")
    if route.body is not None and route.body is not RawBody:
        strict_json.check_type(route.body)
