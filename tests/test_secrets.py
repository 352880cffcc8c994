"""Neither tokens nor secrets nor presigned URLs come into any log, at the chattiest level."""

import os
import secrets
from collections.abc import Iterator

import pytest

from stack.stack import Stack
from tests.events import HOOK_SECRET, minio, notify
from tests.parity.apis import ApiClient, GraphQLApi, RestApi
from tests.parity.hooks import hooks_of
from tests.receiver import running_receiver
from tests.service import Service, running_service
from tests.uploads import purged, put, stored


@pytest.fixture
def chatty(stack: Stack) -> Iterator[Service]:
    """A Waybill that says all that it can."""
    with running_service(stack, log_level="DEBUG", s3_hook_secret=HOOK_SECRET) as running:
        yield running


async def messages(api: ApiClient) -> list[str]:
    """Have an event sent, and one that cannot be; the secrets of the webhooks, to which addresses belong."""
    hooks = hooks_of(api)
    async with running_receiver() as receiver:
        addresses = [
            f"{receiver.url}/{secrets.token_hex(16)}",
            f"http://nowhere.invalid/{secrets.token_hex()}",
        ]
        made = [(await hooks.create(address)).data for address in addresses]
        rotated = [(await hooks.rotate(each["webhook"]["id"])).data for each in made]
        await stored(api, os.urandom(1000))
        [message] = await receiver.received(1)
    signatures = message.headers["webhook-signature"].split()
    for each in made:
        await hooks.delete(each["webhook"]["id"])
    keys = [each["secret"].removeprefix("whsec_") for each in (*made, *rotated)]
    return [*keys, *(address.rpartition("/")[2] for address in addresses), *signatures]


async def test_a_full_run_logs_no_secret(chatty: Service) -> None:
    service = chatty
    token = service.token("alice")
    hidden = [token.rpartition(".")[2], "X-Amz-Signature", HOOK_SECRET]
    event = minio(service.settings.s3_bucket, "files/6b043f91342f2be4ee3195a4/" + "0" * 32)
    assert (await notify(service, event)).status_code == 204
    assert (await notify(service, event, secret=f"{HOOK_SECRET}x")).status_code == 401
    async with service.client("alice") as client:
        client.headers["authorization"] = f"Bearer {token}"
        for api in (RestApi(client), GraphQLApi(client)):
            file = await stored(api, os.urandom(1000))
            link = (await api.download(file["id"])).data["url"]
            refused = await api.request(name="../" + token, size=-1)
            assert refused.code == "invalid_input"
            unsent = (await api.request(name="a", size=5)).data["upload"]
            unsigned = {**unsent, "headers": {**unsent["headers"], "Content-Type": "other/type"}}
            assert (await put(unsigned, b"hello")).status_code == 403
            await api.delete(file["id"])
            await purged(api, file["id"])
            hidden += [link.rpartition("=")[2], unsent["url"].rpartition("=")[2]]
            hidden += await messages(api)
        await client.get("/api/v1/files", headers={"Authorization": f"Bearer {token}x"})
        await client.get("/graphql", params={"query": "{", "token": token})
    settings = service.settings
    assert settings.jwt_secret is not None
    assert settings.s3_upload_secret_key is not None
    redis_password = settings.redis_url.get_secret_value().split("@")[0].rpartition(":")[2]
    hidden += [
        settings.jwt_secret.get_secret_value(),
        settings.s3_secret_key.get_secret_value(),
        settings.s3_upload_secret_key.get_secret_value(),
        redis_password,
    ]
    for child in (service.api, service.worker):
        log = child.log.read_text()
        assert '"event"' in log
        assert [secret for secret in hidden if secret in log] == []
