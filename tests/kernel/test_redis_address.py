"""The address of the server with the shared limits: what it may say, and that no complaint quotes a password."""

from pathlib import Path

import pytest

from timos.kernel.db.address import AddressError
from timos.kernel.redis_address import RedisAddress, parse


def test_what_is_left_out_is_the_default() -> None:
    assert parse("redis://h") == RedisAddress(host="h", port=6379, user="", password="", number=0, has_tls=False, ca=None)


def test_all_of_it_is_read() -> None:
    found = parse("rediss://u%40:p%2F%3A@h.example:7000/4?ca=/etc/ca.pem")
    assert found == RedisAddress(host="h.example", port=7000, user="u@", password="p/:", number=4, has_tls=True, ca=Path("/etc/ca.pem"))
    assert "p/:" not in repr(found)


@pytest.mark.parametrize(
    "url",
    [
        "http://:geheim@h",
        "redis:///0",
        "redis://:geheim@h/x",
        "redis://:geheim@h:port/0",
        "rediss://:geheim@h/0?ssl_cert_reqs=none",
        "rediss://:geheim@h/0?ca",
        "geheim",
    ],
)
def test_what_is_none_is_refused_without_quoting_it(url: str) -> None:
    with pytest.raises(AddressError) as caught:
        parse(url)
    assert "geheim" not in str(caught.value)
