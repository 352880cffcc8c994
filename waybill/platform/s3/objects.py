"""Requests for single objects: HEAD, GET and DELETE.

Signed and sent without botocore, whose rules, hooks and parsers take most of the processor time of a small
request: a file costs one HEAD and one GET. Everything else goes through aioboto3.
"""

import asyncio
import hashlib
import random
import ssl
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from datetime import UTC, datetime

import aiohttp
import botocore.session
from botocore.httpsession import ProxyConfiguration, get_cert_path
from botocore.utils import get_environ_proxies
from yarl import URL

from waybill.platform import tracing
from waybill.platform.s3.errors import StoreRefusal, code_in
from waybill.platform.settings import Settings
from waybill.platform.signature import ALGORITHM, Signer, signed_names, timestamp_of

CONNECT_TIMEOUT_SECONDS = 1
MAX_CONNECTIONS = 64

#: Bytes that a connection buffers. aiohttp pauses and resumes the socket for every two buffers.
BUFFER_BYTES = 1024**2

#: Like botocore's standard mode: the statuses that are tried once more, after a random pause of up to so many
#: seconds.
_RETRIED_STATUSES = frozenset({429, 500, 502, 503, 504})
_LONGEST_PAUSE_SECONDS = 0.5

#: Bytes of an error response that are read.
_ERROR_BYTES = 10_000

_EMPTY_SHA256 = hashlib.sha256().hexdigest()
_OPERATIONS = {"HEAD": "HeadObject", "GET": "GetObject", "DELETE": "DeleteObject"}


class Objects:
    """The objects of one bucket, at the internal endpoint."""

    def __init__(self, session: aiohttp.ClientSession, signer: Signer, proxy: str | None) -> None:
        self._session = session
        self._signer = signer
        self._proxy = proxy

    @asynccontextmanager
    async def request(
        self, method: str, key: str, headers: Mapping[str, str] | None = None
    ) -> AsyncIterator[aiohttp.ClientResponse]:
        """Send a request, a second time if the first met a temporary error, and yield its response.

        Args:
            method: HEAD, GET or DELETE.
            key: the key of the object.
            headers: headers in lower case. They are signed.

        Raises:
            StoreRefusal: the status is not 2xx.
            aiohttp.ClientError, TimeoutError: no response.
        """
        response = await self._send(method, key, headers or {})
        try:
            if response.status >= 300:
                raise StoreRefusal(response.status, await _code_of(response))
            yield response
        finally:
            # Closes the connection if the body was not read to its end.
            response.release()

    async def _send(self, method: str, key: str, headers: Mapping[str, str]) -> aiohttp.ClientResponse:
        with tracing.calling(f"S3.{_OPERATIONS[method]}") as step:
            response = await self._send_once(method, key, headers)
            if response is None or response.status in _RETRIED_STATUSES:
                if response is not None:
                    response.release()
                await asyncio.sleep(random.uniform(0, _LONGEST_PAUSE_SECONDS))  # noqa: S311  # no secret
                response = await self._send_once(method, key, headers, is_last=True)
            assert response is not None  # noqa: S101  # the last try raises
            step.conclude({"http.response.status_code": response.status}, failed=response.status >= 500)
            return response

    async def _send_once(
        self, method: str, key: str, headers: Mapping[str, str], *, is_last: bool = False
    ) -> aiohttp.ClientResponse | None:
        """Send a request. Returns None if the connection failed and this is not the last try."""
        path = self._signer.path(key)
        try:
            return await self._session.request(
                method,
                URL(self._signer.origin + path, encoded=True),
                headers=signed_headers(self._signer, method, path, headers, datetime.now(UTC)),
                proxy=self._proxy,
                # A redirect is a wrong setting or an outage. The signature is only for this host.
                allow_redirects=False,
            )
        except aiohttp.ClientConnectionError as error:
            if is_last or isinstance(error, TimeoutError):
                raise
            return None


def signed_headers(
    signer: Signer, method: str, path: str, headers: Mapping[str, str], now: datetime
) -> dict[str, str]:
    """Return the headers of a request without a body, with its signature. All of them are signed."""
    timestamp = timestamp_of(now)
    sent = {**headers, "x-amz-date": timestamp, "x-amz-content-sha256": _EMPTY_SHA256}
    signed = {**sent, "host": signer.host}
    signature = signer.sign(method, path, (), signed, payload_hash=_EMPTY_SHA256, timestamp=timestamp)
    sent["authorization"] = (
        f"{ALGORITHM} Credential={signer.credential(timestamp)}, "
        f"SignedHeaders={signed_names(signed)}, Signature={signature}"
    )
    return sent


async def _code_of(response: aiohttp.ClientResponse) -> str:
    """Return S3's error code; empty if it is not a response of S3, or one to HEAD."""
    body = b""
    # One read returns what has arrived, which may be the beginning.
    while piece := await response.content.read(_ERROR_BYTES - len(body)):
        body += piece
    return code_in(body)


@asynccontextmanager
async def open_objects(settings: Settings) -> AsyncIterator[Objects]:
    """Open a session. Makes no request. Proxies and certificates are those that botocore would use."""
    endpoint = settings.s3_endpoint_url
    signer = Signer.from_settings(settings, endpoint, settings.s3_access_key, settings.s3_secret_key)
    scheme = URL(endpoint).scheme
    timeout = aiohttp.ClientTimeout(
        total=None,
        sock_connect=CONNECT_TIMEOUT_SECONDS,
        # Also between two pieces of a stream: detects a store that hangs, and does not limit large objects.
        sock_read=settings.s3_read_timeout,
    )
    async with aiohttp.ClientSession(
        connector=aiohttp.TCPConnector(
            limit=MAX_CONNECTIONS, ssl=_certificates() if scheme == "https" else True
        ),
        timeout=timeout,
        headers={"Accept-Encoding": "identity"},
        # Sizes and hashes are those of the stored bytes.
        auto_decompress=False,
        cookie_jar=aiohttp.DummyCookieJar(),
        read_bufsize=BUFFER_BYTES,
    ) as session:
        proxies = ProxyConfiguration(get_environ_proxies(endpoint))
        yield Objects(session, signer, proxies.proxy_url_for(endpoint))


def _certificates() -> ssl.SSLContext:
    # AWS_CA_BUNDLE, or the setting of ~/.aws/config.
    bundle = botocore.session.get_session().get_config_variable("ca_bundle")
    # With a file, those of the system are not trusted.
    return ssl.create_default_context(cafile=bundle or get_cert_path(True))
