"""Which day it is for the writer: the date in the writer's time zone, with the night counted to the day before."""

import calendar
import re
from datetime import date, datetime, time, timedelta, tzinfo
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import typer

from timos.cli.answers import Doc, Preferences, view
from timos.cli.client import Client
from timos.kernel.clock import Clock, SystemClock, instant

_MONTH = len("YYYY-MM")
_WEEK = re.compile(r"([0-9]{4})-W([0-9]{2})", re.IGNORECASE | re.ASCII)


def current_day(at: datetime, zone: tzinfo | None, ends_at_hour: int) -> date:
    """`at` is aware; without a zone the machine's own counts. Wall time, so that a change of clocks moves no day."""
    return (at.astimezone(zone).replace(tzinfo=None) - timedelta(hours=ends_at_hour)).date()


def day_of(text: str | None, client: Client, clock: Clock | None = None) -> date:
    """The day a command is about; the preferences are asked for only when the answer depends on them."""
    if text not in {None, "today", "yesterday"}:
        return parse_day(str(text))
    preferences = _preferences(client)
    today = current_day(instant((clock or SystemClock()).now_ms()), _zone(preferences.time_zone), preferences.day_ends_at_hour)
    return today - timedelta(days=1) if text == "yesterday" else today


def moment_of(written: str, day: str | None, client: Client, clock: Clock | None = None) -> tuple[date, datetime]:
    """The day and the instant of a time of day."""
    at = parse_time(written)
    preferences = _preferences(client)
    zone, ends_at_hour = _zone(preferences.time_zone), preferences.day_ends_at_hour
    if day is not None:
        on = day_of(day, client, clock)
        return on, within(on, at, zone, ends_at_hour)
    moment = latest(at, instant((clock or SystemClock()).now_ms()), zone)
    return current_day(moment, zone, ends_at_hour), moment


def within(day: date, at: time, zone: tzinfo | None, ends_at_hour: int) -> datetime:
    """That time on that day; until the hour at which a day ends it lies on the next date."""
    return _aware(datetime.combine(day + timedelta(days=at.hour < ends_at_hour), at), zone)


def latest(at: time, now: datetime, zone: tzinfo | None) -> datetime:
    """The last time that it was so late; `now` is aware."""
    today = now.astimezone(zone).date()
    moment = _aware(datetime.combine(today, at), zone)
    return moment if moment <= now else _aware(datetime.combine(today - timedelta(days=1), at), zone)


def zone_of(client: Client) -> tzinfo | None:
    """The writer's time zone; None is the machine's own."""
    return _zone(_preferences(client).time_zone)


def last_writable(clock: Clock) -> date:
    """Tomorrow in UTC: no day after it is taken, not even as the end of a range. It is today where the sun rises first."""
    return instant(clock.now_ms()).date() + timedelta(days=1)


def parse_day(text: str) -> date:
    """Only the written form that the API has too."""
    try:
        day = date.fromisoformat(text)
    except ValueError:
        day = None
    if day is None or day.isoformat() != text:
        raise typer.BadParameter("Write the day as YYYY-MM-DD, today or yesterday.")
    return day


def parse_month(text: str) -> tuple[date, date]:
    """First and last day of YYYY-MM."""
    if len(text) != _MONTH:
        raise typer.BadParameter("Write the month as YYYY-MM.")
    first = parse_day(f"{text}-01")
    return first, first.replace(day=calendar.monthrange(first.year, first.month)[1])


def parse_time(text: str) -> time:
    """HH:MM on the clock of 24 hours."""
    try:
        return datetime.strptime(text, "%H:%M").time()  # noqa: DTZ007 (a time of day; its zone comes with the day)
    except ValueError:
        raise typer.BadParameter("Write the time as HH:MM, such as 21:30.", param_hint="--at") from None


def parse_week(text: str, today: date) -> str:
    """An ISO week as the API writes it; `this` and `last` as seen from today."""
    if text in {"this", "last"}:
        return week_of(today - timedelta(weeks=text == "last"))
    written = _WEEK.fullmatch(text)
    try:
        if written and week_of(date.fromisocalendar(int(written[1]), int(written[2]), 1)) == text.upper():
            return text.upper()
    except ValueError:
        pass  # a week or a year that the calendar does not have
    raise typer.BadParameter("Write the week as YYYY-Www, such as 2026-W47, this or last.")


def week_of(day: date) -> str:
    """ISO 8601: from Monday, and of the year in which the week's Thursday lies."""
    year, week, _ = day.isocalendar()
    return f"{year:04}-W{week:02}"


def monday_of(week: str) -> date:
    """Of a week as `parse_week` gives it."""
    return date.fromisocalendar(int(week[:4]), int(week[6:]), 1)


def days_of(week: str) -> tuple[date, date]:
    """Its Monday and its Sunday."""
    return monday_of(week), monday_of(week) + timedelta(days=6)


def week_before(week: str) -> str:
    """The one whose course corrections are carried over."""
    return week_of(monday_of(week) - timedelta(days=1))


def _aware(naive: datetime, zone: tzinfo | None) -> datetime:
    return naive.replace(tzinfo=zone) if zone else naive.astimezone()


def _preferences(client: Client) -> Preferences:
    reply = client.find("/api/preferences")
    return Preferences() if reply is None else view(reply.read(Doc).document, Preferences)


def _zone(name: str | None) -> tzinfo | None:
    try:
        return ZoneInfo(name) if name else None
    except (ZoneInfoNotFoundError, ValueError, OSError):  # this machine may know fewer zones than the server
        return None
