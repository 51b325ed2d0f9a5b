"""TLS to a database: the server's certificate and name are checked, always; there is no half of it."""

import ssl

from timos.kernel.db.address import Server
from timos.kernel.errors import DatabaseError


def context(server: Server) -> ssl.SSLContext | None:
    """None where the address says that there is no TLS.

    Raises:
        DatabaseError: the file with the certificates cannot be read.
    """
    if not server.has_tls:
        return None
    try:
        made = ssl.create_default_context(cafile=server.ca)
    except (OSError, ssl.SSLError) as error:
        raise DatabaseError from error
    made.minimum_version = ssl.TLSVersion.TLSv1_2
    return made
