"""The proxy that the environment names."""

import urllib.request
from collections.abc import Iterator
from contextlib import suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread

import pytest
from yarl import URL

from tests.service import Service
from waybill.client import AsyncClient
from waybill.client.proxy import proxy_for

DIRECT = urllib.request.build_opener(urllib.request.ProxyHandler({}))


class Proxy(ThreadingHTTPServer):
    """A forward proxy for HTTP. Records the URLs without their queries."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Forward)
        self.forwarded: list[str] = []

    @property
    def address(self) -> str:
        """Its URL."""
        return f"http://127.0.0.1:{self.server_port}"


class _Forward(BaseHTTPRequestHandler):
    server: Proxy

    def do_GET(self) -> None:
        length = int(self.headers.get("Content-Length", 0))
        headers = {name: value for name, value in self.headers.items() if name != "Host"}
        body = self.rfile.read(length) or None
        request = urllib.request.Request(self.path, body, headers, method=self.command)  # noqa: S310  # ours
        self.server.forwarded.append(self.path.partition("?")[0])
        with DIRECT.open(request) as response:
            self.send_response(response.status)
            self.send_header("Content-Type", response.headers.get("Content-Type", ""))
            self.end_headers()
            # Piece by piece: the client follows its file by a response that does not end until it has gone.
            with suppress(ConnectionError):
                while piece := response.read1():
                    self.wfile.write(piece)

    do_PUT = do_POST = do_GET  # noqa: N815  # named by http.server

    def log_message(self, *_: object) -> None:
        """Log nothing."""


@pytest.fixture
def proxy(monkeypatch: pytest.MonkeyPatch) -> Iterator[Proxy]:
    """The proxy of the environment."""
    with Proxy() as server:
        Thread(target=server.serve_forever, daemon=True).start()
        monkeypatch.setenv("http_proxy", server.address)
        monkeypatch.delenv("no_proxy", raising=False)
        monkeypatch.delenv("NO_PROXY", raising=False)
        yield server
        server.shutdown()


async def test_all_requests_go_through_the_proxy(
    proxy: Proxy, service: Service, owner: str, tmp_path: Path
) -> None:
    source = tmp_path / "a.txt"
    source.write_bytes(b"content")
    async with AsyncClient(service.address, service.token(owner)) as client:
        file = await client.upload(source)
        await client.download(file.id, tmp_path / "b.txt")
    assert (tmp_path / "b.txt").read_bytes() == b"content"
    hosts = {URL(url).authority for url in proxy.forwarded}
    assert hosts == {URL(service.address).authority, URL(service.env["WAYBILL_S3_ENDPOINT_URL"]).authority}


@pytest.mark.parametrize("no_proxy", ["*", "127.0.0.1", "example.com,127.0.0.1"])
async def test_hosts_of_no_proxy_are_reached_directly(
    proxy: Proxy, service: Service, owner: str, monkeypatch: pytest.MonkeyPatch, no_proxy: str
) -> None:
    monkeypatch.setenv("no_proxy", no_proxy)
    async with AsyncClient(service.address, service.token(owner)) as client:
        await client.usage()
    assert proxy.forwarded == []


def test_a_proxy_without_a_scheme_speaks_http(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("https_proxy", "proxy.example:3128")
    assert proxy_for(URL("https://store.example/a?b=%2F")) == URL("http://proxy.example:3128")
