"""Passwords: long, not guessable, hashed the same way whoever asks."""

import asyncio
import resource
import sys
import time
from collections.abc import Callable, Collection
from statistics import median

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.platform.support import PASSWORD, Story, World
from timos.crypto.passwords import Cost, PasswordPool
from timos.kernel.errors import InputError, UnauthenticatedError, UnavailableError
from timos.platform.auth import passwords
from timos.platform.auth.guessing import estimate
from timos.platform.auth.passwords import LOOKED_AT, check_policy, normal

pytestmark = pytest.mark.every_engine("sqlite", "postgresql", "mariadb")

OWN = ("ada.lovelace@example.org", "Ada King Noel")


@pytest.mark.parametrize(
    "password",
    [
        PASSWORD,
        "correct horse battery staple",
        "einige ganz andere wörter",
        "日本語のパスワードはとても長い",
        "пароль из пяти разных слов",
        "  spaces count as well  ok ",
        "🦊🐙🌋🛶🎻🧭🪁🥝🧶🪐🦜🌵🍋🧲🎲",
        "x7Gq!" * 2 + "unterwegs im Nebel",
    ],
)
def test_a_long_password_of_any_letters_is_accepted(password: str) -> None:
    check_policy(password, OWN)


@pytest.mark.parametrize(
    "password",
    [
        "",
        "fourteen chars",
        "v" * 129,
        "violet harbour\x00 ladder",
        "violet harbour\n ladder",
        "violet harbour \ud800 ladder",
        "123456789012345",
        "passwordpassword",
        "Password123456789",
        "P@ssw0rd12345678",
        "qwertyuiopasdfghjkl",
        "password password",
        "thisismypassword1",
        "1qaz2wsx3edc4rfv",
        "aaaaaaaaaaaaaaaaaa",
        "abcabcabcabcabcabc",
        "timostimostimostimos",
        "ada.lovelace@example.org",
        "adalovelaceadalovelace",
        "lovelace-king-noel",
        "Ada King Noel 1815",
    ],
)
def test_a_short_common_or_personal_password_is_refused_at_its_field(password: str) -> None:
    with pytest.raises(InputError) as caught:
        check_policy(password, OWN, path="$.new_password")
    assert caught.value.path == "$.new_password"
    assert not password or password not in str(caught.value)


def test_a_server_that_is_told_new_passwords_does_not_keep_what_they_are_held_against(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in [name for name in sys.modules if name.partition(".")[0] == "zxcvbn"]:
        monkeypatch.delitem(sys.modules, name)  # other tests judge in this process
    check_policy(PASSWORD, OWN)
    assert "zxcvbn" not in sys.modules


def test_a_password_that_cannot_be_judged_is_not_taken() -> None:
    before = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (3, before[1]))  # no pipe to ask through
    try:
        with pytest.raises(UnavailableError):
            check_policy(PASSWORD, OWN)
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, before)


def test_of_a_long_password_only_its_beginning_is_judged(monkeypatch: pytest.MonkeyPatch) -> None:
    """The cost of an estimate grows with the cube of the length; three characters over and over are the worst case."""
    judged: list[str] = []

    def guesses(candidate: str, _words: Collection[str]) -> int:
        judged.append(candidate)
        return estimate(candidate, ())

    monkeypatch.setattr(passwords, "guesses", guesses)
    longest = "ab1" * 42
    with pytest.raises(InputError):
        check_policy(longest, OWN)
    assert judged == [longest[:LOOKED_AT]]


@given(st.text(max_size=140))
def test_any_text_is_accepted_or_refused_but_nothing_else_happens(password: str) -> None:
    try:
        check_policy(password, OWN)
    except InputError:
        return
    assert 15 <= len(normal(password)) <= 128


def test_a_password_typed_on_another_keyboard_is_the_same(run: Callable[[Story], None]) -> None:
    async def story(world: World) -> None:
        await world.sign_up(password="fünf grüne möbelstücke")
        await world.login(password="fu\u0308nf gru\u0308ne mo\u0308belstu\u0308cke")

    run(story)


def test_the_password_is_case_sensitive_and_whole(run: Callable[[Story], None]) -> None:
    async def story(world: World) -> None:
        await world.sign_up()
        for wrong in (PASSWORD.upper(), PASSWORD[:-1], PASSWORD + " ", "", PASSWORD * 100, "\ud800"):
            with pytest.raises(UnauthenticatedError):
                await world.login(password=wrong)

    run(story)


def test_an_unknown_account_a_disabled_one_and_a_wrong_password_answer_alike_and_take_as_long(run: Callable[[Story], None]) -> None:
    async def story(world: World) -> None:
        pool = PasswordPool(1, Cost(memory_kib=16 * 1024, time=2, lanes=1))  # enough work to outweigh everything else
        world = await world.restarted(pool=pool)
        await world.sign_up("known@example.org")
        disabled = await world.sign_up("disabled@example.org")
        await world.platform.accounts.disable(disabled.account.id)
        seconds: dict[str, list[float]] = {"known": [], "unknown": [], "disabled": []}
        messages: set[str] = set()
        for _ in range(7):
            for who, spent in seconds.items():
                begin = time.perf_counter()
                with pytest.raises(UnauthenticatedError) as caught:
                    await world.login(f"{who}@example.org", "not the password of it", f"198.51.100.{len(messages)}")
                spent.append(time.perf_counter() - begin)
                messages.add(str(caught.value))
        assert len(messages) == 1
        known = median(seconds["known"])
        assert known / 3 < median(seconds["unknown"]) < known * 3
        assert known / 3 < median(seconds["disabled"]) < known * 3
        await asyncio.to_thread(pool.close)

    run(story)


def test_a_hash_of_an_older_cost_is_renewed_at_login(run: Callable[[Story], None]) -> None:
    async def story(world: World) -> None:
        await world.sign_up()
        dearer = PasswordPool(1, Cost(memory_kib=16, time=2, lanes=1))
        world = await world.restarted(pool=dearer)
        old = world.sql("SELECT password_hash FROM users")
        await world.login()
        new = world.sql("SELECT password_hash FROM users")
        assert "m=16,t=2" in str(new)
        assert old != new
        await world.login()
        assert world.sql("SELECT password_hash FROM users") == new
        await asyncio.to_thread(dearer.close)

    run(story)
