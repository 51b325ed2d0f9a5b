"""The registry of routes: an explicit list of the modules that have some."""

from timos.web.api import auth, days, pages, records, system, transfer
from timos.web.route import Route

ROUTES: tuple[Route, ...] = (
    *system.routes(),
    *auth.routes(),
    *days.routes(),
    *records.routes(),
    *transfer.routes(),
    *pages.routes(),
)
