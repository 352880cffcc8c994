"""Decide which addresses are hosts on the internet.

Owners choose the URLs that Waybill requests (server-side request forgery). Without this rule they could reach
hosts that only Waybill can reach: its own servers, the metadata of a cloud, the internal network.
"""

import re
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address

#: The addresses that IANA assigns to hosts on the internet (IPv6 Global Unicast Address Assignments).
_GLOBAL_UNICAST = IPv6Network("2000::/3")

#: Networks within it without hosts: tunnels to any IPv4 address (Teredo is in the first, 6to4), and examples.
_SPECIAL = tuple(IPv6Network(each) for each in ("2001::/23", "2001:db8::/32", "2002::/16", "3fff::/20"))

#: Networks whose last four bytes are the IPv4 address that a packet goes to: mapped addresses, and those of a
#: translator (NAT64), through which hosts without IPv4 reach hosts without IPv6.
_EMBEDDING = tuple(IPv6Network(each) for each in ("::ffff:0:0/96", "64:ff9b::/96"))

#: Networks that Python calls global: 6to4 relays (RFC 7526), protocol assignments (RFC 6890), which clouds
#: use for metadata, and the address of the platform for every host in Azure.
_SPECIAL_V4 = tuple(IPv4Network(each) for each in ("192.88.99.0/24", "192.0.0.0/24", "168.63.129.16/32"))

#: Within the protocol assignments: anycast addresses of PCP and TURN, global in IANA's registry.
_GLOBAL_V4 = (IPv4Address("192.0.0.9"), IPv4Address("192.0.0.10"))

#: Two labels or more (RFC 1123, 2.1); underscores are allowed too. The last label begins with a letter, so no
#: form of a number matches. A dot at the end does not match, because it is another spelling of the same name.
_NAME = re.compile(
    r"([a-z0-9_]([a-z0-9_-]{0,61}[a-z0-9_])?\.)+(?P<top>[a-z][a-z0-9-]{0,61}[a-z0-9])", re.IGNORECASE
)
MAX_NAME_LENGTH = 253

#: Top-level domains that the public DNS does not have. Sources: IANA's Special-Use Domain Names (RFC 6761,
#: 6762, 7686, 8375, 9476); RFC 6762, appendix G; ICANN, which reserves .internal, and does not delegate
#: .home, .corp and .mail. Many systems use .localdomain.
_SPECIAL_TOPS = frozenset(
    {
        *("alt", "arpa", "example", "invalid", "local", "localhost", "onion", "test"),
        *("corp", "home", "internal", "intranet", "lan", "localdomain", "mail", "private"),
    }
)


def may_be_public(host: str) -> bool:
    """Return whether a host can be on the internet: a public address, or a name of the public DNS.

    A name that passes may still resolve to an address that is not public.
    """
    try:
        ip_address(host)
    except ValueError:
        name = _NAME.fullmatch(host)
        return name is not None and len(host) <= MAX_NAME_LENGTH and name["top"].lower() not in _SPECIAL_TOPS
    return is_public(host)


def is_public(text: str) -> bool:
    """Return whether a numeric address is that of a host on the internet. False for other text."""
    try:
        address = ip_address(text)
    except ValueError:
        return False
    if isinstance(address, IPv4Address):
        return _is_public_v4(address)
    if any(address in network for network in _EMBEDDING):
        return _is_public_v4(IPv4Address(address.packed[-4:]))
    return _is_public_v6(address)


def _is_public_v4(address: IPv4Address) -> bool:
    # Shared (100.64.0.0/10), private, loopback, link-local, unspecified and reserved ones are not global.
    if not address.is_global or address.is_multicast:
        return False
    return address in _GLOBAL_V4 or not any(address in network for network in _SPECIAL_V4)


def _is_public_v6(address: IPv6Address) -> bool:
    # A list of assigned networks, not of special ones, because each release of Python knows more special
    # ones.
    return (
        address in _GLOBAL_UNICAST
        and address.is_global
        and not any(address in network for network in _SPECIAL)
    )
