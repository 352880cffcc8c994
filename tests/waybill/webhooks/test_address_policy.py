"""Which addresses are those of hosts on the internet."""

import pytest

from waybill.webhooks.address_policy import is_public, may_be_public


@pytest.mark.parametrize(
    "address",
    [
        *("8.8.8.8", "1.1.1.1", "203.0.112.1", "168.63.129.17", "192.0.1.1", "192.0.0.9", "192.0.0.10"),
        *("2606:4700:4700::1111", "2a00:1450:4001:82a::200e"),
        # Mapped and translated ones of public IPv4 addresses.
        *("::ffff:8.8.8.8", "64:ff9b::808:808"),
    ],
)
def test_a_host_on_the_internet_is_public(address: str) -> None:
    assert is_public(address)


@pytest.mark.parametrize(
    "address",
    [
        # Loopback, private, link-local with the clouds' metadata, shared (CGNAT), multicast, and the rest.
        *("127.0.0.1", "127.255.255.254", "10.0.0.1", "172.16.0.1", "172.31.255.255", "192.168.1.1"),
        *("169.254.169.254", "169.254.0.1", "100.64.0.1", "100.127.255.255", "224.0.0.1", "239.255.255.255"),
        "0.0.0.0",  # noqa: S104  # to be refused
        # Platform and metadata addresses of clouds.
        *("168.63.129.16", "192.0.0.192", "100.100.100.200", "::ffff:168.63.129.16", "64:ff9b::a83f:8110"),
        *("192.0.0.8", "192.0.0.11", "192.0.0.170", "::ffff:192.0.0.192", "fd20:ce::254"),
        *("0.1.2.3", "255.255.255.255", "240.0.0.1", "198.18.0.1", "192.0.2.1", "192.88.99.1"),
        *("::1", "::", "fe80::1", "fe80::1%eth0", "fc00::1", "fd00:ec2::254", "fec0::1", "ff02::1"),
        # What leads to an IPv4 address that is not public: mapped, compatible, NAT64, 6to4, Teredo.
        *("::ffff:127.0.0.1", "::ffff:10.0.0.1", "::ffff:a9fe:a9fe", "::127.0.0.1", "64:ff9b::7f00:1"),
        *("64:ff9b::a9fe:a9fe", "64:ff9b:1::7f00:1", "2002:7f00:1::1", "2001:0:7f00:1::"),
        *("2001:db8::1", "3fff::1", "5f00::1", "100::1", "4000::1"),
        # No addresses at all.
        *("", "localhost", "127.1", "2130706433", "0x7f.0.0.1", "0177.0.0.1", "127.0.0.1:80", "[::1]"),
    ],
)
def test_no_other_address_is(address: str) -> None:
    assert not is_public(address)


@pytest.mark.parametrize(
    "host",
    [
        *(
            "example.com",
            "1.example.com",
            "a.b.c.example.co.uk",
            "_hooks.example.com",
            "xn--bcher-kva.example.net",
        ),
        *("xn--e1afmkfd.xn--p1ai", "local.example.com", "internal.dev", "8.8.8.8", "2606:4700:4700::1111"),
    ],
)
def test_a_name_of_the_public_dns_may_be_public(host: str) -> None:
    assert may_be_public(host)


@pytest.mark.parametrize(
    "host",
    [
        # Addresses that are not public, and names of this machine.
        *("127.0.0.1", "::1", "localhost", "a.localhost", "localhost.localdomain", "LOCALHOST.LOCALDOMAIN"),
        # One label, which the machine's own resolver completes.
        *("mongo", "redis", "com", ""),
        # A dot at the end, empty labels, labels and names that are too long, other characters.
        *(
            "localhost.",
            "example.com.",
            "example..com",
            ".example.com",
            f"{'a' * 64}.com",
            "a." * 126 + "com",
        ),
        *("-a.example.com", "a-.example.com", "*.example.com", "a%2ecom", "exa mple.com", "example.com\n"),
        # Numbers in any form.
        *(
            "2130706433",
            "127.1",
            "0177.0.0.1",
            "0x7f.0.0.1",
            "0x7f000001",
            "127.0.0.1.",
            "127.0.0.0x1",
            "1.2.3.4.5",
        ),
        # Domains that are not in the public DNS.
        *("metadata.google.internal", "printer.local", "router.home.arpa", "1.0.0.127.in-addr.arpa"),
        *("a.test", "a.invalid", "a.example", "a.onion", "a.alt", "A.Internal"),
        *("a.lan", "a.home", "a.corp", "a.mail", "a.intranet", "a.private"),
    ],
)
def test_some_hosts_cannot_be_public(host: str) -> None:
    assert not may_be_public(host)
