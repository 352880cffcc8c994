"""The HTTP endpoint of a worker's metrics, for Prometheus. A worker has no other port."""

import threading
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import structlog

from waybill.platform.errors import SettingsError
from waybill.platform.metrics import CONTENT_TYPE, may_collect, recorded
from waybill.platform.settings import Settings

log = structlog.get_logger(__name__)


def serve_metrics(host: str, port: int, settings: Settings) -> None:
    """Serve `GET /metrics` in a background thread until the process ends.

    Without WAYBILL_METRICS_TOKEN it opens no port, as the API serves no metrics then.

    Raises:
        SettingsError: the port cannot be opened.
    """
    token = settings.metrics_token
    if token is None and not settings.embedded:
        log.warning("metrics disabled: WAYBILL_METRICS_TOKEN is not set")
        return

    class Handler(BaseHTTPRequestHandler):
        #: Seconds until a silent client is disconnected.
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
            """Log nothing, because the line would quote what clients send."""

    try:
        server = ThreadingHTTPServer((host, port), Handler)
    except OSError as error:
        raise SettingsError(
            f"Metrics cannot be served at port {port} of {host}: {error.strerror}. Choose another "
            "--metrics-port."
        ) from error
    threading.Thread(target=server.serve_forever, daemon=True, name="metrics").start()
