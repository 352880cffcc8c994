"""Scripts and styles of the pages: built files, files from npm, and otherwise a CDN."""

from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import FileResponse, Response

from api.pages.build import DIST, Build

NODE_MODULES = Path(__file__).parents[2] / "web" / "node_modules"
STATIC = Path(__file__).parent / "static"

#: It has the same paths as ours: package@version/file.
CDN = "https://unpkg.com/"
OURS = "/assets/"

#: A worker has its own policy: the one that hashes may compile WebAssembly, and may not connect anywhere.
WORKER_POLICY = "default-src 'none'; script-src 'self' 'wasm-unsafe-eval'"


@dataclass(frozen=True, slots=True)
class Asset:
    """One file of an npm package, at a pinned version."""

    package: str
    version: str
    file: str
    integrity: str

    @property
    def path(self) -> str:
        """The path below ``CDN`` and ``OURS``."""
        return f"{self.package}@{self.version}/{self.file}"


# The last version of GraphiQL that a browser can load without a build.
REACT = Asset(
    "react",
    "18.3.1",
    "umd/react.production.min.js",
    "sha384-DGyLxAyjq0f9SPpVevD6IgztCFlnMF6oW/XQGmfe+IsZ8TqEiDrcHkMLKI6fiB/Z",
)
REACT_DOM = Asset(
    "react-dom",
    "18.3.1",
    "umd/react-dom.production.min.js",
    "sha384-gTGxhz21lVGYNMcdJOyq01Edg0jhn/c22nsx0kyqP0TxaV5WVdsSH1fSDUf5YJj1",
)
GRAPHIQL = Asset(
    "graphiql",
    "3.8.3",
    "graphiql.min.js",
    "sha384-HbRVEFG0JGJZeAHCJ9Xm2+tpknBQ7QZmNlO/DgZtkZ0aJSypT96YYGRNod99l9Ie",
)
GRAPHIQL_STYLE = Asset(
    "graphiql",
    "3.8.3",
    "graphiql.min.css",
    "sha384-Mq3vbRBY71jfjQAt/DcjxUIYY33ksal4cgdRt9U/hNPvHBCaT2JfJ/PTRiPKf0aM",
)
SWAGGER_UI = Asset(
    "swagger-ui-dist",
    "5.35.0",
    "swagger-ui-bundle.js",
    "sha384-gjRm0bEPMeTmMh5jT2cHccIwCUZSTd8YC+j0d0sXw0MdGEfScduGpSyF3ZSSLkX9",
)
SWAGGER_UI_STYLE = Asset(
    "swagger-ui-dist",
    "5.35.0",
    "swagger-ui.css",
    "sha384-WlYgdmXYOOBWL5apwjDEZwN+U3HmXSSu5R6V5aGxEcf7z+KuRNwBhoxKVN1i3D5I",
)

#: The files that npm installs, at the same versions.
ASSETS = (SWAGGER_UI, SWAGGER_UI_STYLE)
#: Used instead of files that were not built. Always from the CDN.
FALLBACK = (GRAPHIQL_STYLE, REACT, REACT_DOM, GRAPHIQL)


class Assets:
    """The files that pages may load, and the HTML that loads them.

    Looks once for the files from npm, and serves all of them or none. The same applies to built files.
    """

    def __init__(self, node_modules: Path = NODE_MODULES, dist: Path = DIST) -> None:
        fetched = {asset.path: node_modules / asset.package / asset.file for asset in ASSETS}
        if not all(file.is_file() for file in fetched.values()):
            fetched = {}
        self._build = Build(dist)
        #: The other sources from which pages load files.
        self.foreign_sources = () if fetched and self._build.files else (CDN,)
        # Each URL contains a version or a digest of the content, so that browsers may cache it for ever.
        own = {f"waybill@{_digest(file)}/{file.name}": file for file in STATIC.iterdir()}
        self._files = {**own, **fetched, **self._build.files}
        self._own_paths = {file.name: path for path, file in own.items()}

    def load_built(self, entry: str) -> str | None:
        """Return the HTML elements that load an entry of web/vite.config.ts, or None if it was not built."""
        return self._build.load(entry, OURS)

    def load(self, asset: Asset | str) -> str:
        """Return the HTML element that loads an asset, or our own file with that name."""
        if isinstance(asset, str):
            return _element(OURS + self._own_paths[asset], "")
        # Our own copy has `integrity` too: the file from npm must be the one that the pages were tested with.
        base = OURS if asset.path in self._files else CDN
        return _element(base + asset.path, f' integrity="{asset.integrity}" crossorigin="anonymous"')

    async def serve(self, request: Request) -> Response:
        """Serve one of the known files, and no other file from their folders."""
        file = self._files.get(request.path_params["path"])
        if file is None:
            raise HTTPException(404)
        headers = {"Cache-Control": "public, max-age=31536000, immutable"}
        if file.name.startswith("hash.worker-"):
            headers["Content-Security-Policy"] = WORKER_POLICY
        return FileResponse(file, headers=headers)


def _element(url: str, attributes: str) -> str:
    if url.endswith(".js"):
        return f'<script src="{url}"{attributes}></script>'
    rel = "stylesheet" if url.endswith(".css") else "icon"
    return f'<link rel="{rel}" href="{url}"{attributes}>'


def _digest(file: Path) -> str:
    return sha256(file.read_bytes()).hexdigest()[:12]
