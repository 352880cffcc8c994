"""Render the pages."""

import json
from collections.abc import Sequence
from pathlib import Path
from string import Template
from typing import Any
from urllib.parse import urlsplit

from starlette.requests import Request
from starlette.responses import HTMLResponse, Response

from api.headers import content_security_policy
from api.pages.assets import FALLBACK, SWAGGER_UI, SWAGGER_UI_STYLE, Asset, Assets
from waybill.platform.settings import Settings
from waybill.platform.tokens import make_demo_token

TEMPLATES = Path(__file__).parent / "templates"

NOT_BUILT = (
    '<p class="note" role="note">This GraphiQL was loaded from a CDN, because ours was not built. It has no'
    " subscriptions and keeps no history. Install npm, run <code>make pages</code> and start Waybill again."
    "</p>"
)


class Pages:
    """The pages of one application."""

    def __init__(self, settings: Settings, assets: Assets | None = None) -> None:
        self.assets = assets or Assets()
        self._settings = settings
        self._links = {
            "icon": self.assets.load("icon.svg"),
            "pages_style": self.assets.load("pages.css"),
            "tool_style": self.assets.load("tool.css"),
        }
        self._templates = {file.name: Template(file.read_text("utf-8")) for file in TEMPLATES.iterdir()}

    async def index(self, request: Request) -> Response:
        """Return the front page: the list of files, or a list of links if that page was not built."""
        assets = self.assets.load_built("page")
        if assets is None:
            return self.render("index.html")
        config = {"token": self._demo_token(), "purgeDelay": self._settings.purge_delay}
        store = urlsplit(self._settings.public_endpoint_url)
        return self.render(
            "application.html",
            talks_to=(f"{store.scheme}://{store.netloc}",),
            title="Waybill",
            config=_json_in_html(config),
            assets=assets,
        )

    async def graphiql(self, request: Request) -> Response:
        """Return GraphiQL for our schema. If it was not built, an older one from a CDN."""
        title = "Waybill GraphQL API"
        assets = self.assets.load_built("graphiql")
        if assets is None:
            return self._tool(title, *FALLBACK, "graphiql.js", note=NOT_BUILT)
        config = _json_in_html({"token": self._demo_token()})
        return self.render("application.html", title=title, config=config, assets=assets)

    async def docs(self, request: Request) -> Response:
        """Return Swagger UI for our OpenAPI document."""
        return self._tool("Waybill REST API", SWAGGER_UI_STYLE, SWAGGER_UI, "docs.js")

    def render(
        self, template: str, status: int = 200, talks_to: Sequence[str] = (), **values: str
    ) -> Response:
        """Render a page. ``values`` are HTML, so the caller must escape text."""
        html = self._templates[template].substitute(self._links, **values)
        policy = content_security_policy(*self.assets.foreign_sources, talks_to=talks_to)
        return HTMLResponse(html, status, {"Content-Security-Policy": policy})

    def _tool(self, title: str, *assets: Asset | str, note: str = "") -> Response:
        return self.render(
            "tool.html",
            title=title,
            note=note,
            config=_json_in_html({"token": self._demo_token()}),
            assets="\n    ".join(self.assets.load(asset) for asset in assets),
        )

    def _demo_token(self) -> str | None:
        """Return a token for the pages of the embedded stack, or None."""
        settings = self._settings
        if not settings.embedded or settings.jwt_secret is None:
            return None
        return make_demo_token(settings.jwt_secret.get_secret_value(), settings.token_rules)


def _json_in_html(value: Any) -> str:
    # Inside a script element only "<" could end it.
    return json.dumps(value).replace("<", "\\u003c")
