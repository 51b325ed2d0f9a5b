"""Which names of hosts mean this machine."""

from ipaddress import ip_address


def is_loopback(host: str) -> bool:
    """Whether nobody between can read what is sent there in clear; a name other than `localhost` is not looked up."""
    if host == "localhost":
        return True
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return False
