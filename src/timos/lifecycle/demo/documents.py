"""Half a year of somebody who does not exist, to look at TimOS with: believable, and the same for the same seed.

There is something to find in it: nights of sleep and runs go with better days, Mondays are low, one thing is avoided again
and again; a fortnight is bad, a week is spent away, some days are missing, and one habit was given up.
"""

from collections.abc import Iterator, Mapping
from datetime import date

from timos.lifecycle.demo import texts
from timos.lifecycle.demo.lived import SUNDAY, Day, Hand, live
from timos.lifecycle.demo.person import set_up
from timos.lifecycle.demo.records import Record, records_of
from timos.vault.collections import moods, morning_habits, pillars, weekly_recaps
from timos.vault.collections.pillar_scores import PillarScores, weekly_scores
from timos.vault.collections.weekly_recaps import Correction, WeeklyRecap, WeekScore, days_of, week_of


def demo_documents(last: date, *, days: int = 180, seed: int) -> Iterator[Record]:
    """In an order in which what is pointed at comes first. `last` is today, of which only the morning is over; `days` is at least 1."""
    hand = Hand(seed)
    lived = live(hand, last, days)
    person = set_up(hand, lived)
    yield from ((pillars.COLLECTION, (key,), pillar) for key, pillar in person.pillars.items())
    yield from ((morning_habits.COLLECTION, (key,), habit) for key, habit in person.habits.items())
    yield from ((moods.COLLECTION, (key,), mood) for key, mood in person.moods.items())
    scored: dict[date, PillarScores] = {}
    for one in lived:
        for record in records_of(hand, person, one):
            if isinstance(record[2], PillarScores):
                scored[one.day] = record[2]
            yield record
        if one.day.weekday() == SUNDAY and not one.is_last:
            yield from _recap(hand, one, scored, is_latest=(last - one.day).days <= SUNDAY + 1)


def _recap(hand: Hand, sunday: Day, scored: Mapping[date, PillarScores], *, is_latest: bool) -> Iterator[Record]:
    """Written on Sunday evening; the latest is always there, with something left to do."""
    week = week_of(sunday.day)
    days = {day: scored[day] for day in days_of(week) if day in scored}
    if not is_latest and (not days or hand.chance(0.15)):
        return
    recap = WeeklyRecap(
        week=week,
        highlights=tuple(hand.draw(texts.HIGHLIGHTS) for _ in range(hand.random.randint(1, 3))),
        pillar_scores={pillar: WeekScore(mean=round(one.mean, 2), days=one.days) for pillar, one in weekly_scores(days).items()},
        patterns=("7 hours of sleep or more goes with better days.",) if hand.chance(0.3) else (),
        corrections=tuple(Correction(text=hand.draw(texts.CORRECTIONS), done=not is_latest and hand.chance(0.6)) for _ in range(2)),
        reflection=hand.draw(texts.REFLECTIONS[sunday.tone]),
        completed_at=sunday.at(19.5),
    )
    yield weekly_recaps.COLLECTION, (week,), recap
