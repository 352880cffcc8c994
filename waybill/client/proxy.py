"""Find the proxy that the environment names for a URL: HTTP_PROXY, HTTPS_PROXY, NO_PROXY."""

from urllib.request import getproxies, proxy_bypass

from yarl import URL


def proxy_for(url: URL) -> URL | None:
    """Return the proxy for a URL; None for a direct connection.

    aiohttp's ``trust_env`` is not used for it: it also sends the credentials in ~/.netrc, and a request that
    has a token or a signature must not have a second one.
    """
    proxy = getproxies().get(url.scheme)
    if proxy is None or proxy_bypass(f"{url.host}:{url.port}"):
        return None
    return URL(proxy if "://" in proxy else f"http://{proxy}")
