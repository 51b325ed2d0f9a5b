import pytest
import typer

from timos.cli.address import server_of, setup_link


@pytest.mark.parametrize(
    ("text", "url"),
    [
        ("https://journal.example.org", "https://journal.example.org"),
        ("https://journal.example.org/", "https://journal.example.org"),
        ("journal.example.org", "https://journal.example.org"),
        ("HTTPS://Journal.Example.org:8443", "https://journal.example.org:8443"),
        ("localhost:8000", "http://localhost:8000"),
        ("http://127.0.0.1:8000", "http://127.0.0.1:8000"),
        ("http://[::1]:8000", "http://[::1]:8000"),
        ("http://timos.localhost", "http://timos.localhost"),
    ],
)
def test_what_people_type_becomes_one_origin(text: str, url: str) -> None:
    assert server_of(text).url == url


@pytest.mark.parametrize(
    "text",
    ["http://example.org", "http://192.168.1.4:8000", "http://localhost.example.org", "http://127.0.0.1.example.org", "http://0.0.0.0"],
)
def test_plain_http_to_another_machine_needs_insistence(text: str) -> None:
    with pytest.raises(typer.BadParameter, match="in clear"):
        server_of(text)
    assert server_of(text, is_insecure=True).url == text


@pytest.mark.parametrize(
    "text",
    [
        "",
        "ftp://example.org",
        "https://example.org/journal",
        "https://me@example.org",
        "https://me:secret@example.org",
        "https://example.org?x=1",
        "https://example.org/#x",
        "https://example.org:99999",
        "https://[::1",
        "https://",
    ],
)
def test_what_is_no_origin_is_refused(text: str) -> None:
    with pytest.raises(typer.BadParameter):
        server_of(text)


def test_only_loopback_is_kept_from_proxies() -> None:
    assert server_of("http://localhost:8000").is_loopback
    assert not server_of("https://journal.example.org").is_loopback


def test_a_setup_link_names_its_server_and_its_token() -> None:
    assert setup_link("http://localhost:8000/#setup=abc-_1") == ("http://localhost:8000", "abc-_1")
    assert setup_link(" abc-_1 ") == (None, "abc-_1")


def test_a_link_without_a_token_is_refused() -> None:
    with pytest.raises(typer.BadParameter, match="no token"):
        setup_link("http://localhost:8000/")
