"""Which addresses lead to the internet and nowhere else.

Whoever may have us send requests could otherwise reach what only we can: our own servers, a cloud's metadata,
the network that we stand in.
"""

from ipaddress import IPv4Address, IPv6Address, IPv6Network, ip_address, ip_network

#: What is handed out to hosts of the internet (IANA, IPv6 Global Unicast Address Assignments).
_GLOBAL_UNICAST = IPv6Network("2000::/3")

#: Within it, and no hosts: tunnels that end at any IPv4 address (Teredo is in the first, 6to4) and examples.
_SPECIAL = tuple(IPv6Network(each) for each in ("2001::/23", "2001:db8::/32", "2002::/16", "3fff::/20"))

#: Networks whose last four bytes are an IPv4 address, which is where a packet ends: mapped ones, and those of
#: a translator (NAT64), through which hosts without IPv4 reach all that has nothing else.
_EMBEDDING = tuple(IPv6Network(each) for each in ("::ffff:0:0/96", "64:ff9b::/96"))

#: Python takes it to be global; it was for tunnels, and nobody may announce it any more (RFC 7526).
_6TO4_RELAYS = ip_network("192.88.99.0/24")


def may_be_public(host: str) -> bool:
    """Whether a host can be on the internet: a public address, or a name, which may lead anywhere."""
    if host == "localhost" or host.endswith(".localhost"):
        return False
    try:
        ip_address(host)
    except ValueError:
        return True
    return is_public(host)


def is_public(text: str) -> bool:
    """Whether a numeric address is that of a host on the internet. False for what is no address at all."""
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
    return address.is_global and not address.is_multicast and address not in _6TO4_RELAYS


def _is_public_v6(address: IPv6Address) -> bool:
    # By what is handed out, not by what is known to be special: each release of Python knows more of that.
    return (
        address in _GLOBAL_UNICAST
        and address.is_global
        and not any(address in network for network in _SPECIAL)
    )
