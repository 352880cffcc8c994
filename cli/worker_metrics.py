"""Where Prometheus collects what a worker recorded. A worker has no other port."""

import threading
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import structlog

from waybill.platform.errors import SettingsError
from waybill.platform.metrics import CONTENT_TYPE, may_collect, recorded
from waybill.platform.settings import Settings

log = structlog.get_logger(__name__)


def serve_metrics(host: str, port: int, settings: Settings) -> None:
    """Answer `GET /metrics` in the background, for as long as the process lives.

    As with the API's, without a token nobody is answered: nothing listens.

    Raises:
        SettingsError: the port is taken.
    """
    token = settings.metrics_token
    if token is None and not settings.embedded:
        log.warning("no metrics: WAYBILL_METRICS_TOKEN is not set")
        return

    class Handler(BaseHTTPRequestHandler):
        #: Seconds that a client may be silent.
        timeout = 5

        def do_GET(self) -> None:
            if self.path != "/metrics":
                self.send_error(HTTPStatus.NOT_FOUND)
            elif not may_collect(self.headers.get("authorization", ""), token):
                self.send_error(HTTPStatus.UNAUTHORIZED)
            else:
                text = recorded()
                self.send_response(HTTPStatus.OK)
                self.send_header("Content-Type", CONTENT_TYPE)
                self.send_header("Content-Length", str(len(text)))
                self.end_headers()
                self.wfile.write(text)

        def version_string(self) -> str:
            return "waybill"

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002  # the base class's name
            """Say nothing: it would write what clients send."""

    try:
        server = ThreadingHTTPServer((host, port), Handler)
    except OSError as error:
        raise SettingsError(f"Port {port} of {host} cannot be had for metrics: {error.strerror}.") from error
    threading.Thread(target=server.serve_forever, daemon=True, name="metrics").start()
