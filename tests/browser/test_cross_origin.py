"""Pages of another origin in a real browser: what they may send, read and follow."""

from collections.abc import AsyncIterator

import pytest
from playwright.async_api import Browser, Page

from tests.parity.apis import RestApi
from tests.service import Service
from tests.uploads import stored

TRACING = (
    *("traceparent", "tracestate", "baggage", "sentry-trace", "b3", "x-datadog-trace-id"),
    *("apollographql-client-name", "apollographql-client-version", "apollo-require-preflight"),
    *("x-apollo-operation-name", "x-apollo-operation-id", "graphql-client-name"),
)

REQUEST = """async ([url, headers]) => {
  const response = await fetch(url, { headers });
  return [response.status, Object.fromEntries(response.headers), await response.text()];
}"""

FOLLOW = """async ([url, token, name]) => {
  const authorization = { Authorization: `Bearer ${token}` };
  const post = async (path, body) => (await fetch(url + path, { method: "POST", body,
    headers: { ...authorization, "Content-Type": "application/json" } })).json();
  const { ticket } = await post("/files/events/ticket", "");
  const events = new EventSource(`${url}/files/events?ticket=${ticket}`);
  const follow = (kind) => new Promise((resolve, reject) => {
    events.addEventListener(kind, (event) => resolve([event.data, event.lastEventId]), { once: true });
    events.onerror = () => reject(new Error(`closed, ${events.readyState}`));
  });
  await follow("position");
  const seen = follow("file");
  await post("/files/upload-request", JSON.stringify({ name, size: 1 }));
  const [data, id] = await seen;
  events.close();
  const refused = await new Promise((resolve) => {
    const again = new EventSource(`${url}/files/events?ticket=${ticket}`);
    again.onopen = () => resolve("opened");
    again.onerror = () => resolve(again.readyState);
  });
  return [JSON.parse(data), id, refused];
}"""


@pytest.fixture
async def elsewhere(browser: Browser, embedded: Service) -> AsyncIterator[Page]:
    """A page of another origin than the API's and the store's, without a policy of its own."""
    context = await browser.new_context(bypass_csp=True)
    page = await context.new_page()
    await page.goto(f"{embedded.address}/healthz")
    yield page
    await context.close()


async def test_a_page_may_send_headers_of_tracers_and_read_ranges(
    elsewhere: Page, service: Service, owner: str
) -> None:
    headers = {"Authorization": f"Bearer {service.token(owner)}"} | dict.fromkeys(TRACING, "1")
    status, _, body = await elsewhere.evaluate(REQUEST, [f"{service.address}/api/v1/files", headers])
    assert (status, body) == (200, '{"items":[],"nextCursor":null,"totalCount":null}')
    async with service.client(owner) as client:
        api = RestApi(client)
        file = await stored(api, b"0123456789", name="a.txt", contentType="text/plain")
        url = (await api.download(file["id"])).data["url"]
    status, seen, body = await elsewhere.evaluate(REQUEST, [url, {"Range": "bytes=2-4"}])
    assert (status, body) == (206, "234")
    assert seen["content-range"] == "bytes 2-4/10"
    assert seen["content-length"] == "3"
    assert seen["accept-ranges"] == "bytes"
    assert seen["content-disposition"] == 'attachment; filename="a.txt"'
    assert seen["etag"]


async def test_the_browsers_own_event_source_follows_by_a_ticket(
    elsewhere: Page, service: Service, owner: str
) -> None:
    base_url = f"{service.address}/api/v1"
    file, position, refused = await elsewhere.evaluate(FOLLOW, [base_url, service.token(owner), "live.txt"])
    assert file["name"] == "live.txt"
    assert position
    assert refused == 2  # closed, and not tried again
