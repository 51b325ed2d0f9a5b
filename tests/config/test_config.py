"""Settings: where they come from, which are refused, and that a refusal shows no secret."""

import os
from dataclasses import FrozenInstanceError
from pathlib import Path

import pytest

from timos import config
from timos.config import PREFIX, all_settings, load
from timos.kernel.errors import StartError


@pytest.fixture(autouse=True)
def clean(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """No setting of this machine, no file of this folder."""
    for name in list(os.environ):
        if name.startswith(PREFIX):
            monkeypatch.delenv(name)
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.delenv("XDG_DATA_HOME", raising=False)
    monkeypatch.delenv("XDG_CONFIG_HOME", raising=False)
    monkeypatch.chdir(tmp_path)


def refused(**overrides: object) -> str:
    with pytest.raises(StartError) as caught:
        load(**overrides)
    return str(caught.value)


# ── where they come from ─────────────────────────────────────────────────────────────────────────────────────────────


def test_without_anything_the_defaults_hold_below_the_home_folder(tmp_path: Path) -> None:
    settings = load()
    assert settings.data_dir == tmp_path / ".local/share/timos"
    assert settings.platform_address == tmp_path / ".local/share/timos/platform.db"
    assert settings.vault_address == tmp_path / ".local/share/timos/vault.db"
    assert settings.key_path == tmp_path / ".config/timos/key/master.json"
    assert (settings.host, settings.port, settings.url) == ("127.0.0.1", 8000, "http://localhost:8000")
    assert (settings.profile, settings.registration) == ("development", "first")
    assert not settings.key_path.is_relative_to(settings.data_dir)


def test_an_option_beats_the_environment_beats_a_file_variable_beats_the_toml_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert load().port == 8000
    (tmp_path / "timos.toml").write_text("port = 8001\nregistration = 'closed'\n")
    assert load().port == 8001
    (tmp_path / "port").write_text(" 8002\n")
    monkeypatch.setenv("TIMOS_PORT_FILE", str(tmp_path / "port"))
    assert load().port == 8002
    monkeypatch.setenv("TIMOS_PORT", "8003")
    assert load().port == 8003
    assert load(port=8004).port == 8004
    assert load(port=None).port == 8003  # an option that was not given
    assert load().registration == "closed"


def test_the_toml_file_can_be_elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "timos.toml").write_text("port = 1")
    (tmp_path / "elsewhere.toml").write_text('port = 8001\nhosts = ["a.example", "b.example"]\n')
    monkeypatch.setenv("TIMOS_CONFIG", str(tmp_path / "elsewhere.toml"))
    settings = load()
    assert settings.port == 8001
    assert settings.hosts == ("a.example", "b.example")


def test_lists_are_written_with_commas(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TIMOS_HOSTS", "a.example, b.example,")
    monkeypatch.setenv("TIMOS_PROXIES", "10.0.0.0/8,fd00::/8")
    settings = load()
    assert settings.hosts == ("a.example", "b.example")
    assert [str(network) for network in settings.proxies] == ["10.0.0.0/8", "fd00::/8"]


@pytest.mark.parametrize(
    ("told", "meant"), [("true", True), ("1", True), ("Yes", True), ("ON", True), ("false", False), ("0", False), ("no", False)]
)
def test_yes_and_no_are_spelt_in_several_ways(monkeypatch: pytest.MonkeyPatch, told: str, meant: object) -> None:
    monkeypatch.setenv("TIMOS_MASTER_KEY_COPIED", told)
    assert load().master_key_copied is meant


def test_an_empty_variable_is_one_that_is_not_set(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TIMOS_PORT", "")
    assert load().port == 8000


def test_folders_may_begin_with_the_home_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TIMOS_DATA_DIR", "~/journal")
    monkeypatch.setenv("TIMOS_MASTER_KEY", "file:~/keys/master.json")
    assert load().data_dir == tmp_path / "journal"
    assert load().key_path == tmp_path / "keys/master.json"


def test_settings_do_not_change_while_it_runs() -> None:
    settings = load()
    with pytest.raises(FrozenInstanceError):
        settings.port = 1  # type: ignore[misc]  # that is the test


# ── refused ──────────────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("name", ["TIMOS_PROT", "TIMOS_PROT_FILE", "TIMOS_", "TIMOS_DATABASE_URL"])
def test_a_misspelt_variable_is_refused_by_name(monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    monkeypatch.setenv(name, "hunter2")
    text = refused()
    assert name in text
    assert "hunter2" not in text


@pytest.mark.parametrize("name", config.CLIENT_VARIABLES)
def test_variables_of_the_command_line_are_no_misspelt_settings(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, name: str) -> None:
    (tmp_path / "some.toml").touch()
    monkeypatch.setenv(PREFIX + name, str(tmp_path / "some.toml"))
    load()


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("PORT", "hunter2"),
        ("PORT", "65536"),
        ("PORT", "-1"),
        ("PROFILE", "hunter2"),
        ("REGISTRATION", "hunter2"),
        ("PROXIES", "10.0.0.0/8,hunter2"),
        ("LOG_LEVEL", "hunter2"),
        ("ARGON2_MEMORY_KIB", "7"),
        ("REQUESTS_PER_MINUTE", "0"),
        ("IMPORT_LIMIT_MIB", "1025"),
        ("MASTER_KEY_COPIED", "hunter2"),
    ],
)
def test_a_wrong_value_is_refused_by_the_name_of_its_setting_and_not_shown(monkeypatch: pytest.MonkeyPatch, name: str, value: str) -> None:
    monkeypatch.setenv(PREFIX + name, value)
    text = refused()
    assert PREFIX + name in text
    assert "hunter2" not in text


@pytest.mark.parametrize(
    "content", ["prot = 1", "port = 'hunter2'", "port = ", "[port]\nx = 'hunter2'", "\x00", "port = 1\nport = 2", "port = '\udcff'"]
)
def test_a_toml_file_that_is_wrong_is_refused(tmp_path: Path, content: str) -> None:
    (tmp_path / "timos.toml").write_text(content, errors="surrogateescape")
    text = refused()
    assert "PORT" in text or "PROT" in text or "timos.toml" in text
    assert "hunter2" not in text


def test_all_that_is_wrong_is_named_at_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TIMOS_PORT", "8000.5")
    monkeypatch.setenv("TIMOS_PROFILE", "Production")
    (tmp_path / "timos.toml").write_text("argon2_time = true\nhosts = 1\norigins = [1]\nvault_url = 1\nprot = 1")
    wrong = [line.split(":")[0].strip() for line in refused().splitlines()[1:]]
    assert wrong == ["TIMOS_ARGON2_TIME", "TIMOS_HOSTS", "TIMOS_ORIGINS", "TIMOS_PORT", "TIMOS_PROFILE", "TIMOS_PROT", "TIMOS_VAULT_URL"]


@pytest.mark.parametrize("content", [None, b"\xff\xfe"])
def test_a_file_variable_that_names_no_text_is_refused_by_the_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, content: bytes | None
) -> None:
    if content is not None:
        (tmp_path / "secret").write_bytes(content)
    monkeypatch.setenv("TIMOS_MASTER_KEY_FILE", str(tmp_path / "secret"))
    assert str(tmp_path / "secret") in refused()


def test_a_configuration_file_that_was_named_must_be_there(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TIMOS_CONFIG", str(tmp_path / "tmios.toml"))
    assert str(tmp_path / "tmios.toml") in refused()


def test_what_is_no_address_and_key_services_of_later_versions_are_refused_when_they_are_asked_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TIMOS_VAULT_URL", "oracle://timos:hunter2@db/vault")
    monkeypatch.setenv("TIMOS_PLATFORM_URL", "sqlite:")
    monkeypatch.setenv("TIMOS_MASTER_KEY", "aws-kms:hunter2")
    settings = load()
    for name in ("vault_address", "platform_address", "key_path"):
        with pytest.raises(StartError) as caught:
            getattr(settings, name)
        assert "hunter2" not in str(caught.value)


# ── who may be listened to ───────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("host", ["127.0.0.1", "127.8.8.8", "::1", "localhost"])
def test_development_listens_on_loopback(host: str) -> None:
    assert load(host=host).host == host


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "192.168.1.5", "example.org", "127.0.0.1.example.org", "localhost.example.org", ""])  # noqa: S104
def test_development_listens_on_nothing_else(host: str) -> None:
    assert "loopback only" in refused(host=host)


# ── production ───────────────────────────────────────────────────────────────────────────────────────────────────────

SOUND: dict[str, object] = {"profile": "production", "public_url": "https://journal.example.org", "master_key_copied": True}


def test_production_takes_sound_settings() -> None:
    settings = load(**SOUND)
    assert settings.is_https
    assert settings.weaknesses() == []
    assert load(**SOUND, host="0.0.0.0", proxies="10.0.0.0/8").weaknesses() == []  # noqa: S104


WEAK: list[tuple[str, dict[str, object]]] = [
    ("TIMOS_PUBLIC_URL", {"public_url": ""}),
    ("TIMOS_PUBLIC_URL", {"public_url": "http://journal.example.org"}),
    ("TIMOS_HOST ", {"host": "0.0.0.0"}),  # noqa: S104
    ("TIMOS_HOST ", {"host": "::"}),
    ("TIMOS_HOSTS", {"hosts": "*"}),
    ("TIMOS_HOSTS", {"hosts": "a.example,*"}),
    ("TIMOS_ORIGINS", {"origins": "*"}),
    ("TIMOS_ORIGINS", {"origins": "https://a.example,http://b.example"}),
    ("TIMOS_ARGON2_MEMORY_KIB", {"argon2_memory_kib": 19455}),
    ("TIMOS_ARGON2_TIME", {"argon2_time": 1}),
    ("TIMOS_LIMITS_URL", {"limits_url": "redis://:p@redis.example.org"}),
    ("TIMOS_LOG_LEVEL", {"log_level": "debug"}),
    ("TIMOS_MASTER_KEY_COPIED", {"master_key_copied": False}),
    ("TIMOS_MASTER_KEY lies in TIMOS_DATA_DIR", {"data_dir": "/srv/timos", "master_key": "file:/srv/timos/key/master.json"}),
    ("TIMOS_MASTER_KEY lies in TIMOS_DATA_DIR", {"data_dir": "/srv/timos", "master_key": "file:/srv/other/../timos/master.json"}),
]


@pytest.mark.parametrize(("name", "change"), WEAK, ids=[f"{name.strip()} {list(change.values())}" for name, change in WEAK])
def test_production_refuses_a_weak_setting_by_name(name: str, change: dict[str, object]) -> None:
    text = refused(**(SOUND | change))
    assert text.count("\n") == 1
    assert name in text


def test_production_names_all_that_is_weak_at_once() -> None:
    text = refused(profile="production", host="0.0.0.0", log_level="debug")  # noqa: S104
    assert text.count("\n  TIMOS_") == 4


def test_development_takes_all_but_the_network_and_says_what_production_would_not() -> None:
    for name, change in WEAK:
        if "host" not in change:
            assert any(weakness.startswith(name.split()[0]) or name in weakness for weakness in load(**change).weaknesses())


def test_every_setting_is_described() -> None:
    assert [setting.name for setting in all_settings() if not setting.metadata["description"]] == []
