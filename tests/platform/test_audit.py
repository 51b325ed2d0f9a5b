"""What happened is told once, with it or not at all, and without saying anything in clear about a person."""

from collections.abc import Callable

import pytest

from tests.platform.support import Story, World
from timos.platform.audit import Event
from timos.platform.sealer import Purpose

pytestmark = pytest.mark.every_engine("sqlite", "postgresql", "mariadb")


def test_an_event_and_what_it_tells_of_are_stored_together_or_not_at_all(run: Callable[[Story], None]) -> None:
    async def failing(world: World) -> None:
        async with world.database.transaction() as tx:
            await world.platform.audit.write(tx, Event.EXPORT_MADE, b"u" * 16)
            raise ZeroDivisionError

    async def story(world: World) -> None:
        with pytest.raises(ZeroDivisionError):
            await failing(world)
        assert world.events() == []
        await world.platform.audit.record(Event.SYSTEM_STARTED)
        assert world.events() == ["system.started"]

    run(story)


def test_a_row_says_who_what_and_when_under_a_mac(run: Callable[[Story], None]) -> None:
    async def story(world: World) -> None:
        ada = await world.sign_up()
        personal = ada.columns.seal("audit_logs", "personal", "from 192.0.2.1")
        await world.platform.audit.record(Event.IMPORT_MADE, ada.account.id, personal)
        row = world.sql("SELECT process_id, sequence, at, event, user_id, personal, mac FROM audit_logs ORDER BY sequence DESC LIMIT 1")[0]
        process_id, sequence, at, event, user_id, stored, mac = row
        assert (at, event, user_id, stored) == (world.clock.now_ms(), "import.made", ada.account.id, personal)
        assert isinstance(process_id, bytes)
        assert isinstance(sequence, int)
        pieces = (
            process_id,
            sequence.to_bytes(8, "big"),
            world.clock.now_ms().to_bytes(8, "big"),
            b"import.made",
            b"+" + ada.account.id,
            b"+" + personal,
        )
        assert mac == world.platform.keys.mac(Purpose.AUDIT_MAC, *pieces)

    run(story)


def test_two_processes_never_take_the_same_row(run: Callable[[Story], None]) -> None:
    async def story(world: World) -> None:
        other = await world.restarted()
        for _ in range(3):
            await world.platform.audit.record(Event.SYSTEM_STARTED)
            await other.platform.audit.record(Event.SYSTEM_STARTED)
        rows = world.sql("SELECT DISTINCT process_id, sequence FROM audit_logs")
        assert len(rows) == 6

    run(story)


@pytest.mark.parametrize("event", list(Event))
def test_every_event_is_a_subject_and_an_action_and_fits_its_column(event: Event) -> None:
    subject, _, action = event.value.partition(".")
    assert subject.isalpha()
    assert action.isalpha()
    assert len(event.value) <= 32
