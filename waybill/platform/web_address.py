"""Normalise the addresses and origins in settings.

A presigned URL signs the exact host, and browsers send a host in one form: lower case, ASCII (IDNA), without
the default port. So each address is converted to that form once, and an address that has no such form is
refused.

Source: URL Standard (WHATWG), 3.5 and 4.4; RFC 6454, 6.2 for origins.
"""

import ipaddress
import re

from yarl import URL

_DEFAULT_PORTS = {"http": 80, "https": 443}

_LABEL = re.compile(r"[a-z0-9_*]([a-z0-9_*-]{0,61}[a-z0-9_*])?")

# If the last label is a number, a browser reads the whole host as an IPv4 address.
_NUMBER = re.compile(r"[0-9]+|0x[0-9a-f]*")

_ADDRESS = re.compile(
    r"(?P<scheme>[a-z]+)://(?P<host>\[[^\[\]/?#@]*\]|[^\[\]/?#@:]*)(:(?P<port>[0-9]*))?(?P<rest>[/?#].*)?",
    re.IGNORECASE | re.DOTALL,
)
_ORIGIN = re.compile(
    r"(?P<scheme>[a-z*][a-z0-9+.*-]*)://(?P<host>\[[^\[\]/?#@]*\]|[^\[\]/?#@:]*)(:(?P<port>[0-9]*|\*))?/?",
    re.IGNORECASE,
)

#: A path that every client sends unchanged.
_PLAIN_PATH = re.compile(r"(/[A-Za-z0-9._~-]+)*/?")


def normalise_endpoint(url: str) -> str:
    """Return the http(s) address of a server in its normal form, without a slash at the end.

    Raises:
        ValueError: it is not such an address. The message says what to change.
    """
    origin, rest = _split(url)
    if "?" in rest or "#" in rest:
        raise ValueError("must not have a query or a fragment: remove ? or # and what follows")
    if not _PLAIN_PATH.fullmatch(rest) or {".", ".."} & set(rest.split("/")):
        raise ValueError("may have a path of letters, digits, - . _ ~ and single slashes only")
    return origin + rest.rstrip("/")


def normalise_document_url(url: str) -> str:
    """Return the http(s) address of one document, whose path and query stay as they are.

    Raises:
        ValueError: it is not such an address. The message says what to change.
    """
    origin, rest = _split(url)
    if "#" in rest or not re.fullmatch("[!-~]*", rest):
        raise ValueError("must not have a fragment, a space or other than ASCII after its host")
    return origin + rest


def normalise_origin(origin: str) -> str:
    """Return an origin in the form that browsers send. A star matches any run of characters.

    Raises:
        ValueError: no browser sends such an origin. The message says what to change.
    """
    if origin == "*":
        return origin
    match = _ORIGIN.fullmatch(origin)
    if match is None:
        raise ValueError("write an origin as scheme://host or scheme://host:port, without a path")
    scheme = match["scheme"].lower()
    return f"{scheme}://{_host(match['host'], may_have_star=True)}{_port(match['port'], scheme)}"


def _split(url: str) -> tuple[str, str]:
    if "@" in url.partition("://")[2].partition("/")[0]:
        raise ValueError("must not contain a user or password, because clients can see it")
    match = _ADDRESS.fullmatch(url)
    if match is None or match["scheme"].lower() not in _DEFAULT_PORTS:
        raise ValueError("write an address as http://host, https://host or with a port as https://host:9000")
    scheme = match["scheme"].lower()
    return f"{scheme}://{_host(match['host'])}{_port(match['port'], scheme)}", match["rest"] or ""


def _host(host: str, *, may_have_star: bool = False) -> str:
    wrong = ValueError("has a host that is neither a name nor an IP address")
    if host.startswith("["):
        try:
            address = ipaddress.IPv6Address(host[1:-1])
        except ValueError:
            raise wrong from None
        if address.scope_id is not None:
            raise ValueError("has an IPv6 address with a zone, which other machines do not know")
        return f"[{address}]"
    if not host.isascii():
        try:
            host = URL.build(scheme="http", host=host).raw_host or ""
        except ValueError:
            raise wrong from None
    host = host.lower().removesuffix(".")
    labels = host.split(".")
    if (
        len(host) > 253
        or not all(_LABEL.fullmatch(label) for label in labels)
        or ("*" in host and not may_have_star)
    ):
        raise wrong
    if _NUMBER.fullmatch(labels[-1]):
        try:
            return str(ipaddress.IPv4Address(host))
        except ValueError:
            raise ValueError("has an IPv4 address that is not written as four numbers") from None
    return host


def _port(port: str | None, scheme: str) -> str:
    if not port:
        return ""
    if port == "*":
        return ":*"
    if len(port) > 5 or not 1 <= int(port) <= 65535:
        raise ValueError("has a port that is not 1 to 65535")
    return "" if int(port) == _DEFAULT_PORTS.get(scheme) else f":{int(port)}"
