"""Where requests go and where they never do, however their address is written or looked up."""

import asyncio
import socket
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from aiohttp import web
from aiohttp.abc import AbstractResolver, ResolveResult
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from tests.receiver import Message, Receiver, running_receiver
from waybill.webhooks import http_client as module
from waybill.webhooks.http_client import DeliveryResult, WebhookClient, open_webhook_client


@pytest.fixture
async def receiver() -> AsyncIterator[Receiver]:
    async with running_receiver() as running:
        yield running


@pytest.fixture
async def client() -> AsyncIterator[WebhookClient]:
    """One that may go anywhere."""
    async with open_webhook_client(allow_private=True) as opened:
        yield opened


class Names(AbstractResolver):
    """A name server that gives each of its answers once, and the last one for ever."""

    def __init__(self, *answers: str) -> None:
        self.answers = [*answers]
        self.asked = 0

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_INET
    ) -> list[ResolveResult]:
        self.asked += 1
        addresses = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
        return [
            ResolveResult(
                hostname=host,
                host=address,
                port=port,
                family=socket.AF_INET6 if ":" in address else socket.AF_INET,
                proto=0,
                flags=socket.AI_NUMERICHOST,
            )
            for address in addresses.split()
        ]

    async def close(self) -> None:
        pass


@asynccontextmanager
async def careful(*answers: str) -> AsyncIterator[tuple[WebhookClient, Names]]:
    """A client that goes to public addresses alone, and where names lead for it."""
    names = Names(*answers)
    client = WebhookClient(allow_private=False, resolver=names)
    try:
        yield client, names
    finally:
        await client.close()


async def post(client: WebhookClient, url: str) -> DeliveryResult:
    return await client.post(url, b"{}", {"Content-Type": "application/json"})


@pytest.mark.parametrize(
    "host",
    [
        *("127.0.0.1", "127.1", "2130706433", "0x7f000001", "0x7f.0.0.1", "0177.0.0.1", "017700000001"),
        "0.0.0.0",  # noqa: S104  # to be refused
        *("localhost", "[::1]", "[::]", "[::ffff:127.0.0.1]", "[::ffff:7f00:1]", "[::127.0.0.1]"),
        *("[64:ff9b::7f00:1]", "169.254.169.254", "0xa9fea9fe", "2852039166", "0251.0376.0251.0376"),
        *("[::ffff:169.254.169.254]", "[fd00:ec2::254]", "[fe80::1]", "10.0.0.1", "100.64.0.1"),
    ],
)
async def test_no_way_to_write_it_leads_to_an_address_that_is_not_public(
    receiver: Receiver, host: str
) -> None:
    port = receiver.address.rpartition(":")[2]
    async with open_webhook_client(allow_private=False) as client:
        answer = await post(client, f"http://{host}:{port}/hooks")
    assert answer.status is None
    assert answer.error in {"the address is not public", "the URL is not valid"}
    assert receiver.messages == []


@pytest.mark.parametrize("address", ["127.0.0.1", "169.254.169.254", "::1", "::ffff:127.0.0.1", "10.1.2.3"])
async def test_a_name_that_leads_to_such_an_address_is_not_followed(receiver: Receiver, address: str) -> None:
    async with careful(address) as (client, names):
        answer = await post(client, receiver.url.replace("127.0.0.1", "rebound.example.com"))
    assert answer == DeliveryResult(
        error="the address is not public", duration_seconds=answer.duration_seconds
    )
    assert names.asked == 1
    assert receiver.messages == []


@pytest.mark.parametrize(
    "host", ["mongo", "localhost.", "hooks.internal", "hooks.example.com.", "hooks..com"]
)
async def test_a_name_that_is_not_of_the_public_dns_is_not_looked_up(host: str) -> None:
    """A webhook of an earlier release may have one."""
    async with careful("8.8.8.8") as (client, names):
        answer = await post(client, f"https://{host}/hooks")
    assert answer == DeliveryResult(
        error="the address is not public", duration_seconds=answer.duration_seconds
    )
    assert names.asked == 0


async def test_what_is_no_url_leads_nowhere(client: WebhookClient) -> None:
    for url in ("https://exa\u00admple.com/", "https://[::1/", "nonsense"):
        assert (await post(client, url)).error == "the URL is not valid"


async def test_the_address_that_is_looked_at_is_the_one_that_is_connected_to(
    receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A name that is public at the first look, and this machine at the second."""
    looked_at = []

    def taken_for_public(address: str) -> bool:
        looked_at.append(address)
        return address != "127.0.0.2"

    monkeypatch.setattr(module, "is_public", taken_for_public)
    async with careful("127.0.0.1", "127.0.0.2") as (client, names):
        url = receiver.url.replace("127.0.0.1", "rebound.example.com")
        assert (await post(client, url)).status == 204
        assert (names.asked, looked_at) == (1, ["127.0.0.1"])
        # Each attempt looks anew, and is judged by what it finds.
        assert (await post(client, url)).error == "the address is not public"
    assert (names.asked, looked_at) == (2, ["127.0.0.1", "127.0.0.2"])
    assert len(receiver.messages) == 1


async def test_of_several_addresses_only_public_ones_are_tried(
    receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "is_public", lambda address: address == "127.0.0.9")
    async with careful("127.0.0.9 127.0.0.1 ::1") as (client, _):
        # Where the public one does not answer, for the receiver listens at another.
        answer = await post(client, receiver.url.replace("127.0.0.1", "rebound.example.com"))
    assert answer.status is None
    assert receiver.messages == []


async def test_no_redirect_is_followed(receiver: Receiver, client: WebhookClient) -> None:
    receiver.answer = lambda _: web.Response(status=307, headers={"Location": "/elsewhere"})
    assert (await post(client, receiver.url)).status == 307
    assert [message.path for message in receiver.messages] == ["/hooks"]


async def test_no_proxy_is_taken_from_the_environment(
    receiver: Receiver, client: WebhookClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("http_proxy", "HTTP_PROXY", "all_proxy"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    assert (await post(client, receiver.url)).status == 204


async def test_a_body_and_its_headers_come_as_they_are(receiver: Receiver, client: WebhookClient) -> None:
    await client.post(f"{receiver.url}?a=b%20c", b'{"a": 1}', {"webhook-id": "msg_1"})
    [message] = receiver.messages
    assert (message.path, message.body) == ("/hooks?a=b%20c", b'{"a": 1}')
    assert message.id == "msg_1"


async def test_only_the_beginning_of_an_answer_is_read(
    receiver: Receiver, client: WebhookClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "REQUEST_TIMEOUT_SECONDS", 3600)

    async def endless(_: Message) -> web.StreamResponse:
        assert receiver.request is not None
        response = web.StreamResponse()
        await response.prepare(receiver.request)
        while True:
            await response.write(b"0" * 4096)

    receiver.answer = endless
    async with asyncio.timeout(30):
        assert (await post(client, receiver.url)).status == 200


async def test_a_receiver_that_says_nothing_is_given_up(
    receiver: Receiver, client: WebhookClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "REQUEST_TIMEOUT_SECONDS", 0.2)

    async def silent(_: Message) -> web.Response:
        await asyncio.Event().wait()
        raise AssertionError

    receiver.answer = silent
    answer = await post(client, receiver.url)
    assert (answer.status, answer.error) == (None, "no response within 15 s")


@pytest.mark.parametrize(
    ("retry_after", "seconds"),
    [("120", 120), (" 7 ", 7), ("soon", None), ("-1", None), ("9" * 400, 999_999_999), ("", None)],
)
async def test_a_receiver_may_say_when_to_come_again(
    receiver: Receiver, client: WebhookClient, retry_after: str, seconds: int | None
) -> None:
    receiver.answer = lambda _: web.Response(status=503, headers={"Retry-After": retry_after})
    assert (await post(client, receiver.url)).retry_after == seconds


async def test_it_may_say_so_by_a_date(receiver: Receiver, client: WebhookClient) -> None:
    then = datetime.now(UTC) + timedelta(hours=1)
    date = then.strftime("%a, %d %b %Y %H:%M:%S GMT")
    receiver.answer = lambda _: web.Response(status=503, headers={"Retry-After": date})
    seconds = (await post(client, receiver.url)).retry_after
    assert seconds is not None
    assert 3500 < seconds <= 3600


async def test_why_there_is_no_answer_is_told_without_our_addresses(client: WebhookClient) -> None:
    async def rude(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read(1000)
        writer.write(answers.pop(0))
        writer.close()

    answers = [b"SSH-2.0-OpenSSH\r\n", b"", b"SSH-2.0-OpenSSH\r\n"]
    server = await asyncio.start_server(rude, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    async with server:
        assert (await post(client, f"http://127.0.0.1:{port}/")).error == "the response is not HTTP"
        assert (await post(client, f"http://127.0.0.1:{port}/")).error == "the connection broke"
        assert (await post(client, f"https://127.0.0.1:{port}/")).error == "TLS failed"
    assert (await post(client, f"http://127.0.0.1:{port}/")).error == "cannot connect"
    for host in ("nowhere.invalid", "a" * 64 + ".invalid", "a..invalid"):
        assert (await post(client, f"http://{host}/")).error == "the host name cannot be resolved"


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A certificate for the name ``localhost``, and its key."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "localhost")])
    now = datetime.now(UTC)
    signed = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName("localhost")]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    path = tmp_path_factory.mktemp("tls") / "localhost.pem"
    path.write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
        + signed.public_bytes(serialization.Encoding.PEM)
    )
    return path


async def test_a_certificate_must_be_of_the_name_that_was_called(
    certificate: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate)
    async with running_receiver(ssl_context=context) as receiver:
        named = receiver.url.replace("127.0.0.1", "localhost")
        async with open_webhook_client(allow_private=True) as client:
            assert (await post(client, named)).error == "the certificate is not valid for this host"
        monkeypatch.setenv("SSL_CERT_FILE", str(certificate))
        async with open_webhook_client(allow_private=True) as client:
            assert (await post(client, named)).status == 204
            assert (await post(client, receiver.url)).error == "the certificate is not valid for this host"
    assert len(receiver.messages) == 1
