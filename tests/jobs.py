"""A job that fails, for the dashboard to show."""

from dramatiq import Message
from dramatiq.brokers.redis import RedisBroker
from dramatiq.common import xq_name

from tests.service import Service
from tests.waiting import until
from waybill.platform.redis.messages import QUEUES, VERIFY_UPLOAD
from waybill.resources import redis_client

QUEUE = QUEUES[VERIFY_UPLOAD]


async def fail_job(service: Service) -> str:
    """Send a job that cannot work, and wait until it has failed for good; its Redis id.

    The actor takes one argument and is sent two, so each attempt ends in a TypeError.
    """
    with redis_client(service.settings) as client:
        before = failed_jobs(service)
        RedisBroker(client=client, middleware=[]).enqueue(
            Message(
                queue_name=QUEUE,
                actor_name=VERIFY_UPLOAD,
                args=("6b043f91342f2be4ee3195a4", "one argument too many"),
                kwargs={},
                options={"max_retries": 0},
            )
        )
    return await next_failed_job(service, before)


async def next_failed_job(service: Service, before: set[str]) -> str:
    """The Redis id of the failed job that was not there before, once it is."""
    return (await until(lambda: failed_jobs(service) - before, "a job fails", 20)).pop()


def failed_jobs(service: Service) -> set[str]:
    """The Redis ids of all failed jobs."""
    with redis_client(service.settings) as client:
        ids = client.hkeys(f"dramatiq:{xq_name(QUEUE)}.msgs")
        assert isinstance(ids, list)
        return {key.decode() for key in ids}
