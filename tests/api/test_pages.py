"""The browser pages: who gets them, what they carry, and what they load from where."""

import base64
import hashlib
import json
import re
import socket
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx
import jwt
import pytest
from starlette.requests import Request

from api.pages.assets import ASSETS, CDN, FALLBACK, NODE_MODULES, WORKER_POLICY, Assets
from api.pages.build import DIST
from api.pages.views import TEMPLATES, Pages
from tests.service import Service

BROWSER = {"Accept": "text/html,application/xhtml+xml,*/*;q=0.8"}
TOOLS = ["/graphql", "/api/v1/docs"]

after_build = pytest.mark.skipif(not DIST.is_dir(), reason="needs: make pages")
after_npm = pytest.mark.skipif(not NODE_MODULES.is_dir(), reason="needs: npm ci --prefix web")


@pytest.fixture
async def browser(embedded: Service) -> AsyncIterator[httpx.AsyncClient]:
    """A browser at the embedded stack."""
    async with httpx.AsyncClient(base_url=embedded.address, headers=BROWSER) as client:
        yield client


@pytest.fixture
async def outsider(service: Service) -> AsyncIterator[httpx.AsyncClient]:
    """A browser at a Waybill that is not embedded."""
    async with httpx.AsyncClient(base_url=service.address, headers=BROWSER) as client:
        yield client


def config(page: httpx.Response) -> Any:
    found = re.search(r'<script type="application/json" id="config">(.*?)</script>', page.text)
    assert found is not None
    return json.loads(found[1])


@pytest.mark.parametrize("path", TOOLS)
async def test_embedded_pages_carry_a_short_lived_token_of_no_administrator(
    browser: httpx.AsyncClient, embedded: Service, path: str
) -> None:
    page = await browser.get(path)
    assert page.status_code == 200
    assert page.headers["cache-control"] == "no-store"
    assert embedded.settings.jwt_secret is not None
    secret = embedded.settings.jwt_secret.get_secret_value()
    claims = jwt.decode(config(page)["token"], secret, algorithms=["HS256"])
    assert set(claims) == {"sub", "iat", "exp"}
    assert claims["sub"] == "demo"
    assert claims["exp"] - claims["iat"] == 24 * 3600


@pytest.mark.parametrize("path", TOOLS)
async def test_other_pages_carry_no_token(outsider: httpx.AsyncClient, path: str) -> None:
    assert config(await outsider.get(path)) == {"token": None}


async def test_graphiql_is_for_browsers_only(browser: httpx.AsyncClient) -> None:
    page = await browser.get("/graphql")
    assert page.headers["content-type"] == "text/html; charset=utf-8"
    program = await browser.get("/graphql", headers={"Accept": "*/*"})
    assert program.status_code == 400
    assert program.json()["errors"][0]["message"] == "`query` is missing."


async def test_a_query_in_the_address_is_run_even_for_a_browser(browser: httpx.AsyncClient) -> None:
    response = await browser.get("/graphql", params={"query": "{ __typename }"})
    assert response.json() == {"data": {"__typename": "Query"}}


async def test_docs_are_named(browser: httpx.AsyncClient) -> None:
    assert "<title>Waybill REST API</title>" in (await browser.get("/api/v1/docs")).text


@after_build
async def test_the_front_page_carries_what_the_others_do_and_reaches_the_store(
    browser: httpx.AsyncClient, embedded: Service, outsider: httpx.AsyncClient
) -> None:
    page = await browser.get("/")
    assert jwt.decode(config(page)["token"], options={"verify_signature": False})["sub"] == "demo"
    assert config(page)["purgeDelay"] == embedded.settings.purge_delay
    assert config(await outsider.get("/")) == {"token": None, "purgeDelay": 0}
    reachable = f"connect-src 'self' {embedded.settings.public_endpoint_url};"
    assert reachable in page.headers["content-security-policy"]
    # Downloads are frames of the store.
    assert f"frame-src {embedded.settings.public_endpoint_url};" in page.headers["content-security-policy"]
    for other in TOOLS:
        policy = (await browser.get(other)).headers["content-security-policy"]
        assert "connect-src 'self'; frame-src 'none';" in policy


@after_build
async def test_only_hashing_may_compile_webassembly_and_it_reaches_nobody(browser: httpx.AsyncClient) -> None:
    [worker] = DIST.glob("hash.worker-*.js")
    response = await browser.get(f"/assets/{worker.name}")
    assert response.headers["content-security-policy"] == WORKER_POLICY
    for page in ("/", *TOOLS):
        assert "wasm" not in (await browser.get(page)).headers["content-security-policy"]


async def test_the_page_of_those_without_npm_leads_somewhere(
    browser: httpx.AsyncClient, tmp_path: Path
) -> None:
    assert Assets(dist=tmp_path).load_built("page") is None
    simple = (TEMPLATES / "index.html").read_text()
    links = re.findall(r'href="([^"]+)"', simple)
    assert {"/graphql", "/api/v1/docs", "/dashboard", "/healthz"} < set(links)
    for link in links:
        assert (await browser.get(link)).status_code == 200, link


@after_npm
@pytest.mark.parametrize("path", ["/", *TOOLS])
async def test_pages_load_nothing_from_elsewhere(browser: httpx.AsyncClient, path: str) -> None:
    page = await browser.get(path)
    loaded = re.findall(r'(?:src|<link rel="\w+" href)="([^"]+)"', page.text)
    assert loaded
    for address in loaded:
        asset = await browser.get(address)
        assert asset.status_code == 200, address
        assert asset.headers["cache-control"] == "public, max-age=31536000, immutable"


@pytest.mark.parametrize(
    "path",
    [
        "swagger-ui-dist@5.35.0/package.json",
        "swagger-ui-dist@5.35.0/../package.json",
        "%2e%2e/package.json",
        "/etc/passwd",
        "waybill@000000000000/pages.css",
        ".vite/manifest.json",
        "",
    ],
)
async def test_nothing_but_the_assets_is_served(browser: httpx.AsyncClient, path: str) -> None:
    response = await browser.get(httpx.URL(browser.base_url, raw_path=f"/assets/{path}".encode()))
    assert response.status_code == 404
    assert response.json()["code"] == "not_found"


def test_without_npm_the_same_files_come_from_the_cdn(tmp_path: Path) -> None:
    assets = Assets(node_modules=tmp_path)
    for asset in (*ASSETS, *FALLBACK):
        element = assets.load(asset)
        assert f'"{CDN}{asset.package}@{asset.version}/{asset.file}"' in element
        assert f'integrity="{asset.integrity}" crossorigin="anonymous"' in element
    assert "/assets/waybill@" in assets.load("graphiql.js")


async def test_without_a_build_graphiql_comes_from_the_cdn_and_says_so(
    service: Service, tmp_path: Path
) -> None:
    pages = Pages(service.settings, Assets(dist=tmp_path))
    page = await pages.graphiql(Request({"type": "http"}))
    html = bytes(page.body).decode()
    assert "was loaded from a CDN" in html
    assert all(f'"{CDN}{asset.path}"' in html for asset in FALLBACK)
    assert CDN in page.headers["content-security-policy"]


@after_build
async def test_a_built_graphiql_names_no_cdn(browser: httpx.AsyncClient) -> None:
    page = await browser.get("/graphql")
    assert CDN not in page.text + page.headers["content-security-policy"]


def test_assets_are_what_npm_is_told_to_fetch() -> None:
    web = NODE_MODULES.parent
    wanted = json.loads((web / "package.json").read_text())["dependencies"]
    assert {asset.package: asset.version for asset in ASSETS}.items() <= wanted.items()
    locked = json.loads((web / "package-lock.json").read_text())["packages"]
    for asset in ASSETS:
        assert locked[f"node_modules/{asset.package}"]["version"] == asset.version
    assert not any("resolved" in package for package in locked.values())


@after_npm
def test_assets_have_the_digests_that_browsers_check() -> None:
    for asset in ASSETS:
        content = (NODE_MODULES / asset.package / asset.file).read_bytes()
        digest = base64.b64encode(hashlib.sha384(content).digest()).decode()
        assert asset.integrity == f"sha384-{digest}", asset.path


@pytest.mark.parametrize("host", ["localhost", "127.0.0.1:80", "[::1]:8000", socket.gethostname()])
async def test_the_embedded_stack_answers_to_its_own_names(browser: httpx.AsyncClient, host: str) -> None:
    assert (await browser.get("/graphql", headers={"Host": host})).status_code == 200


@pytest.mark.parametrize(
    "host", ["evil.example", "localhost.evil.example", "127.0.0.1.evil.example:8000", ""]
)
@pytest.mark.parametrize("path", ["/", "/graphql", "/api/v1/docs", "/api/v1/files", "/dashboard"])
async def test_the_embedded_stack_refuses_other_names(
    browser: httpx.AsyncClient, path: str, host: str
) -> None:
    """DNS rebinding: a hostile name that resolves to this machine must not read the pages' token."""
    assert (await browser.get(path, headers={"Host": host})).status_code == 400


async def test_other_services_leave_names_to_their_proxy(outsider: httpx.AsyncClient) -> None:
    assert (await outsider.get("/", headers={"Host": "uploads.example"})).status_code == 200
