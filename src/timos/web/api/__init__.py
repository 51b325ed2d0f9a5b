"""The registry of routes: an explicit list of the modules that have some."""

from timos.web.api import day_documents, days, habits, imports, insights, leaving, moods, named, pages, pillars, system, weekly
from timos.web.api.auth import routes as auth
from timos.web.api.records import routes as records
from timos.web.route import Route

ROUTES: tuple[Route, ...] = (
    *system.routes(),
    *auth.routes(),
    *days.routes(),
    *records.routes(),
    *named.routes(),
    *pillars.routes(),
    *habits.routes(),
    *moods.routes(),
    *day_documents.routes(),
    *weekly.routes(),
    *insights.routes(),
    *imports.routes(),
    *leaving.routes(),
    *pages.routes(),
)
