"""Which certificates a connection trusts. `ssl` is imported when the first one is made: local endpoints speak plain
HTTP."""

import os
from functools import cache
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import ssl

# Amazon Trust Services' own. To read these costs a twentieth of what botocore's 126 certificates cost.
AMAZON_ROOTS = f"{__file__.rpartition(os.sep)[0]}/amazon_roots.pem"  # pathlib would be ten modules more
AMAZON_SUFFIXES = (".amazonaws.com", ".api.aws")


def roots(host: str, ca_bundle: str) -> str:
    """The file of roots to trust for a host; empty for the system's (which OpenSSL finds by SSL_CERT_FILE, too)."""
    return ca_bundle or (AMAZON_ROOTS if host.endswith(AMAZON_SUFFIXES) else "")


@cache
def context(cafile: str) -> "ssl.SSLContext":
    """TLS 1.2 or later, with the server's certificate and host name checked. Raises `OSError` for a file of no use."""
    import ssl

    made = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    made.minimum_version = ssl.TLSVersion.TLSv1_2
    if cafile:
        made.load_verify_locations(cafile)
    else:
        made.load_default_certs()
    return made
