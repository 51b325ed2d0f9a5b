"""Addresses of databases: what they may say, and what is never shown of them."""

from pathlib import Path

import pytest

from timos.kernel.db.address import AddressError, Server, parse, without_password

HERE = Path("/data")


def server(url: str) -> Server:
    found = parse(url, HERE)
    assert isinstance(found, Server)
    return found


def test_a_file_lies_in_the_data_folder_unless_its_path_says_otherwise() -> None:
    assert parse("sqlite:vault.db", HERE) == Path("/data/vault.db")
    assert parse("sqlite:///elsewhere/vault.db", HERE) == Path("/elsewhere/vault.db")


def test_a_server_is_read_with_its_defaults() -> None:
    found = server("postgresql://ti%40mos:p%2Fw%3A%40@[::1]/vault")
    assert (found.user, found.password, found.host, found.port, found.database) == ("ti@mos", "p/w:@", "::1", 5432, "vault")
    assert (server("mariadb://t@h/v").port, server("mysql://t@h/v").dialect) == (3306, "mysql")
    assert server("postgresql://t@h/v?socket=/run/postgresql&pool=3&prepared=off").pool == 3


@pytest.mark.parametrize(
    ("url", "has_tls"),
    [
        ("postgresql://t@db.example.org/v", True),
        ("postgresql://t@192.0.2.1/v", True),
        ("postgresql://t@db.example.org/v?tls=off", False),
        ("postgresql://t@localhost/v", False),
        ("mariadb://t@127.0.0.1/v", False),
        ("mariadb://t@127.0.0.1/v?tls=verify", True),
        ("mariadb://t@/v?socket=/run/mysqld/mysqld.sock", False),
    ],
)
def test_over_a_network_tls_is_on_unless_the_address_itself_says_off(url: str, has_tls: object) -> None:
    assert server(url).has_tls == has_tls


@pytest.mark.parametrize(
    "url",
    [
        "sqlite:",
        "oracle://hunter2@h/v",
        "postgresql://hunter2@h",
        "postgresql://h/v",
        "postgresql://t:hunter2@h:port/v",
        "postgresql://t:hunter2@h/v?tls=maybe",
        "postgresql://t:hunter2@h/v?sslmode=disable",
        "postgresql://t:hunter2@h/v?pool=0",
        "postgresql://t:hunter2@h/v?pool=1e3",
        "postgresql://t:hunter2@h/v?tls",
        "postgresql://t:hunter2@[h/v",
    ],
)
def test_what_cannot_be_read_or_is_not_known_is_refused_and_not_quoted(url: str) -> None:
    with pytest.raises(AddressError) as caught:
        parse(url, HERE)
    assert "hunter2" not in str(caught.value)
    assert caught.value.__cause__ is None


def test_a_password_is_in_nothing_that_is_shown() -> None:
    found = server("postgresql://t:hunter2@h:1/v")
    assert "hunter2" not in f"{found} {found!r}"
    assert str(found) == "postgresql://t@h:1/v"
    assert without_password("postgresql://t:hunt@er2@h:1/v?tls=off") == "postgresql://t:…@h:1/v?tls=off"
    assert without_password("file:/key/master.json") == "file:/key/master.json"
    assert without_password("https://journal.example.org") == "https://journal.example.org"
