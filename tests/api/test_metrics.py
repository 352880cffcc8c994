"""The metrics: who may read them, what is counted, and that they contain no owner."""

import socket
import sys
from pathlib import Path

import httpx
import pytest
from motor.motor_asyncio import AsyncIOMotorClient

from tests.actors.conftest import suspended
from tests.forking import run_command
from tests.jobs import fail_job
from tests.live import GraphQLLive, RestLive
from tests.parity.apis import GraphQLApi, RestApi
from tests.service import Service, free_port, start_worker
from tests.uploads import put, stored
from tests.watched import BEARER, METRICS_TOKEN, Metrics, Watched, lines, metrics_when

UNKNOWN = "000000000000000000000000"


async def test_without_a_token_there_are_no_metrics(anonymous: httpx.AsyncClient) -> None:
    assert (await anonymous.get("/metrics")).status_code == 404


def test_the_embedded_stack_shows_its_own(embedded: Service) -> None:
    assert "waybill_up" in Metrics.of(httpx.get(f"{embedded.address}/metrics")).names


@pytest.mark.parametrize(
    "sent", [None, "Bearer", f"Bearer {METRICS_TOKEN}x", f"Basic {METRICS_TOKEN}", "Bearer \xff"], ids=repr
)
def test_nobody_else_is_told(observed_service: Watched, sent: str | None) -> None:
    headers = [] if sent is None else [(b"Authorization", sent.encode("latin-1"))]
    for address in (observed_service.service.address, observed_service.worker_address):
        response = httpx.get(f"{address}/metrics", headers=headers)
        assert response.status_code == 401
        assert "waybill_" not in response.text


async def test_a_worker_without_a_token_listens_nowhere(service: Service) -> None:
    port = free_port()
    worker = start_worker(service, "--metrics-port", str(port))
    await lines(worker, event="metrics disabled: WAYBILL_METRICS_TOKEN is not set")
    with socket.socket() as probe:
        assert probe.connect_ex(("127.0.0.1", port)) != 0
    worker.stop()


def test_a_worker_whose_port_is_taken_says_so(observed_service: Watched) -> None:
    port = observed_service.worker_address.rpartition(":")[2]
    result = run_command("worker", "--metrics-port", port, env=observed_service.service.env)
    assert result.returncode == 1
    assert f"port {port} of 127.0.0.1" in result.stderr.splitlines()[-1]


def test_a_token_of_an_owner_is_none_of_prometheus(observed_service: Watched) -> None:
    token = observed_service.service.token("alice", admin=True)
    response = httpx.get(
        f"{observed_service.service.address}/metrics", headers={"Authorization": f"Bearer {token}"}
    )
    assert response.status_code == 401


@pytest.mark.parametrize("api_class", [RestApi, GraphQLApi])
async def test_operations_are_counted_by_what_became_of_them(
    observed_service: Watched, api_class: type[RestApi] | type[GraphQLApi], owner: str
) -> None:
    name, get = ("rest", "getFile") if api_class is RestApi else ("graphql", "file")
    before = observed_service.api()
    async with observed_service.service.client(owner) as client:
        api = api_class(client)
        requested = await api.request(name="a", size=1)
        await api.get(requested.id)
        await api.get(UNKNOWN)
        assert (await api.request(name="a", size=-1)).code == "invalid_input"
    async with observed_service.service.client(None) as client:
        await api_class(client).get(UNKNOWN)
    after = observed_service.api()
    grown = {
        (operation, code): after.get("waybill_requests_total", protocol=name, operation=operation, code=code)
        - before.get("waybill_requests_total", protocol=name, operation=operation, code=code)
        for operation, code in (
            *(("requestUpload", "ok"), ("requestUpload", "invalid_input")),
            *((get, "ok"), (get, "file_not_found"), (get, "unauthenticated")),
        )
    }
    assert set(grown.values()) == {1}, grown
    seconds = "waybill_request_seconds"
    assert after.get(f"{seconds}_count", protocol=name, operation=get) == 3 + before.get(
        f"{seconds}_count", protocol=name, operation=get
    )
    assert after.get("waybill_presign_seconds_count") > before.get("waybill_presign_seconds_count")


@pytest.mark.parametrize("live", [RestLive, GraphQLLive])
async def test_those_who_follow_are_counted(
    observed_service: Watched, live: type[RestLive] | type[GraphQLLive], owner: str
) -> None:
    service = observed_service.service
    asked = {"protocol": "graphql", "operation": "filesChanged", "code": "ok"}
    before = observed_service.api()
    async with live.follow(service, service.token(owner)) as followed, service.client(owner) as client:
        await RestApi(client).request(name="a", size=1)
        await followed.next()
        now = observed_service.api()
        assert now.get("waybill_followers") == before.get("waybill_followers") + 1
        # It is counted when it ends.
        assert now.get("waybill_requests_total", **asked) == before.get("waybill_requests_total", **asked)
    after = await metrics_when(
        observed_service.api, lambda now: now.get("waybill_followers") == before.get("waybill_followers")
    )
    by_graphql = int(live is GraphQLLive)
    assert after.get("waybill_requests_total", **asked) == by_graphql + before.get(
        "waybill_requests_total", **asked
    )


async def test_a_worker_tells_of_its_jobs(observed_service: Watched, owner: str) -> None:
    before = observed_service.worker()
    async with observed_service.service.client(owner) as client:
        await stored(RestApi(client), b"x" * 100_000)
    # The verdict is written before the job ends.
    job = {"actor": "verify_upload", "outcome": "done"}
    done = before.get("waybill_jobs_total", **job)
    after = await metrics_when(
        observed_service.worker, lambda metrics: metrics.get("waybill_jobs_total", **job) > done
    )
    assert after.get("waybill_hashed_bytes_total") - before.get("waybill_hashed_bytes_total") == 100_000
    assert after.get("waybill_hash_seconds_count") - before.get("waybill_hash_seconds_count") == 1
    verdict = {"status": "COMPLETED", "by": "worker"}
    assert (
        after.get("waybill_verdicts_total", **verdict) - before.get("waybill_verdicts_total", **verdict) == 1
    )
    assert after.get("waybill_job_seconds_sum", actor="verify_upload") > 0


async def test_queues_and_servers_are_told_of(observed_service: Watched, owner: str) -> None:
    service = observed_service.service
    await fail_job(service)
    async with service.client(owner) as client:
        api = RestApi(client)
        requested = await api.request(name="a", size=5)
        await put(requested.data["upload"], b"hello")
        with suspended(service):
            await api.complete(requested.id)
            now = observed_service.api()
            assert now.get("waybill_queue_messages", queue="hashing", state="waiting") == 1
            assert now.get("waybill_queue_oldest_seconds", queue="hashing") > 0
    assert now.get("waybill_dead_letters", queue="hashing") >= 1
    assert now.get("waybill_workers") >= 1
    for dependency in ("mongodb", "s3", "redis"):
        assert now.get("waybill_up", dependency=dependency) == 1


async def test_files_are_counted_for_whoever_asks_next(observed_service: Watched, owner: str) -> None:
    service = observed_service.service
    async with service.client(owner) as client:
        await stored(RestApi(client), b"y" * 1000)
    mongodb: AsyncIOMotorClient[dict[str, object]] = AsyncIOMotorClient(
        service.settings.mongodb_url.get_secret_value()
    )
    await mongodb[service.settings.mongodb_database]["censuses"].delete_many({})
    mongodb.close()
    completed = {"status": "COMPLETED"}
    after = await metrics_when(
        observed_service.api, lambda metrics: metrics.get("waybill_files", **completed) > 0
    )
    assert after.get("waybill_files_bytes", **completed) >= 1000


def test_of_several_processes_any_tells_for_all(observed_service: Watched, tmp_path: Path) -> None:
    service = observed_service.service
    port = free_port()
    argv = [sys.executable, "-m", "cli", "api", "--port", str(port), "--processes", "2"]
    env = {**service.env, "TMPDIR": str(tmp_path)}
    env.pop("OTEL_EXPORTER_OTLP_ENDPOINT")
    process = service.stack.spawn("api-of-two", argv, env)
    # Each request on a connection of its own, for either process to take.
    unkept = httpx.HTTPTransport(retries=10, limits=httpx.Limits(max_keepalive_connections=0))
    try:
        with httpx.Client(transport=unkept, base_url=f"http://127.0.0.1:{port}", timeout=30) as client:
            for _ in range(40):
                assert client.get("/api/v1/files").status_code == 401
            refused = {"protocol": "rest", "operation": "listFiles", "code": "unauthenticated"}
            answers = [Metrics.of(client.get("/metrics", headers=BEARER)) for _ in range(10)]
        assert {each.get("waybill_requests_total", **refused) for each in answers} == {40}
        # Both have counted some.
        (folder,) = tmp_path.iterdir()
        assert len(list(folder.glob("counter_*.db"))) == 2
    finally:
        process.stop()
    assert list(tmp_path.iterdir()) == []
