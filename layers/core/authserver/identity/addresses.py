"""Which addresses are the internet's."""

from ipaddress import IPv4Address, IPv6Address, IPv6Network

# The IPv6 addresses that are the internet's (RFC 4291 section 2.4), but for those that stand for an IPv4 address: what
# 6to4 and Teredo lead to is not looked at but refused.
UNICAST = IPv6Network("2000::/3")
TRANSLATED = (IPv6Network("2002::/16"), IPv6Network("2001::/32"))

type Address = IPv4Address | IPv6Address


def is_public(address: Address) -> bool:
    """Whether this is a public address of the internet that does not stand for another address."""
    if isinstance(address, IPv6Address) and (
        address not in UNICAST or any(address in network for network in TRANSLATED)
    ):
        return False
    return address.is_global and not address.is_multicast
