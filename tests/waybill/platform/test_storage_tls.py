"""A store over TLS: the certificates that AWS_CA_BUNDLE names are trusted, and no others."""

import asyncio
import ipaddress
import ssl
from collections.abc import AsyncIterator
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from tests.actors.conftest import open_bucket
from tests.service import Service
from waybill.platform.errors import ServiceUnavailable
from waybill.platform.s3.storage import open_storage


@pytest.fixture
def certificate(tmp_path: Path) -> Path:
    """A self-signed certificate for 127.0.0.1, with its key."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "store")])
    now = datetime.now(UTC)
    made = (
        x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
        .not_valid_before(now - timedelta(hours=1))
        .not_valid_after(now + timedelta(hours=1))
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .add_extension(
            x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]), critical=False
        )
        .sign(key, hashes.SHA256())
    )
    path = tmp_path / "store.pem"
    path.write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )
        + made.public_bytes(serialization.Encoding.PEM)
    )
    return path


@pytest.fixture
async def tls_address(stopped_service: Service, certificate: Path) -> AsyncIterator[str]:
    """The store's address behind a proxy that ends TLS."""
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(certificate)
    port = urlsplit(stopped_service.settings.s3_endpoint_url).port

    async def pipe(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(OSError):
            while piece := await reader.read(65536):
                writer.write(piece)
                await writer.drain()
        writer.close()

    async def accept(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        store_reader, store_writer = await asyncio.open_connection("127.0.0.1", port)
        await asyncio.gather(pipe(reader, store_writer), pipe(store_reader, writer))

    server = await asyncio.start_server(accept, "127.0.0.1", 0, ssl=context)
    yield f"https://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    server.close()


async def test_a_store_with_a_certificate_of_its_own(
    stopped_service: Service, tls_address: str, certificate: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = stopped_service.settings.model_copy(update={"s3_endpoint_url": tls_address, "s3_timeout": 60})
    async for bucket in open_bucket(stopped_service):
        await bucket.put("tls/object", b"content")
        # The system trusts it, which does not count.
        monkeypatch.setenv("SSL_CERT_FILE", str(certificate))
        async with open_storage(settings) as storage:
            with pytest.raises(ServiceUnavailable):
                await storage.head("tls/object")
        monkeypatch.setenv("AWS_CA_BUNDLE", str(certificate))
        async with open_storage(settings) as storage:
            head = await storage.head("tls/object")
            assert head is not None
            assert head.size == 7
            assert b"".join([piece async for piece in storage.stream("tls/object", head.etag)]) == b"content"
            assert await storage.head("tls/none") is None
