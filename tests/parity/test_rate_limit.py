"""How much one owner may ask for, whichever way it is asked."""

import asyncio
from collections import Counter
from collections.abc import Iterator

import pytest

from stack.stack import Stack
from tests.parity.apis import ApiClient
from tests.service import Service, running_service

LIMIT = 5


@pytest.fixture(scope="module")
def service(stack: Stack) -> Iterator[Service]:
    """A Waybill that counts."""
    with running_service(stack, rate_limit=f"{LIMIT}/minute; 1000/hour") as running:
        yield running


async def test_one_too_many_is_told_when_to_come_back(api: ApiClient, stranger: ApiClient) -> None:
    for _ in range(LIMIT):
        assert (await api.list()).code is None
    refused = await api.list()
    assert refused.code == "rate_limited"
    assert 0 < refused.context["retryAfter"] <= 60
    assert refused.context["limit"] == f"{LIMIT} per 1 minute"
    assert (await stranger.list()).code is None


async def test_of_many_at_once_exactly_as_many_as_allowed_come_through(api: ApiClient) -> None:
    answers = await asyncio.gather(*(api.request(name="a", size=1) for _ in range(4 * LIMIT)))
    assert Counter(answer.code for answer in answers) == {None: LIMIT, "rate_limited": 3 * LIMIT}


async def test_each_operation_of_a_graphql_request_counts(service: Service, owner: str) -> None:
    fields = " ".join(f'a{number}: file(id: "none") {{ id }}' for number in range(LIMIT + 1))
    async with service.client(owner) as client:
        response = await client.post("/graphql", json={"query": f"{{ {fields} }}"})
    codes = Counter(error["extensions"]["code"] for error in response.json()["errors"])
    assert codes == {"file_not_found": LIMIT, "rate_limited": 1}


@pytest.mark.parametrize("path", ["/api/v1/files", "/graphql?query={files{edges{cursor}}}"])
async def test_a_refused_request_is_429_with_retry_after(service: Service, owner: str, path: str) -> None:
    async with service.client(owner) as client:
        responses = [await client.get(path) for _ in range(LIMIT + 1)]
    assert [response.status_code for response in responses] == [200] * LIMIT + [429]
    assert 0 < int(responses[-1].headers["retry-after"]) <= 60


async def test_a_batch_that_could_never_be_admitted_is_invalid(api: ApiClient, stranger: ApiClient) -> None:
    assert (await api.complete_many(["none"] * (LIMIT + 1))).code == "invalid_input"
    assert (await stranger.complete_many(["none"] * LIMIT)).code is None
