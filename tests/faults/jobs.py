"""Jobs, sent behind the API's back."""

from dramatiq import Message
from dramatiq.brokers.redis import RedisBroker

from tests.service import Service
from waybill.platform.redis.messages import PURGE_OBJECT, QUEUES, VERIFY_UPLOAD
from waybill.resources import redis_client


def send_again(service: Service, actor: str, file_id: str) -> None:
    """Three more messages for one job."""
    with redis_client(service.settings) as client:
        broker = RedisBroker(client=client, middleware=[])
        for _ in range(3):
            broker.enqueue(Message(QUEUES[actor], actor, (file_id,), {}, {}))


def jobs_of(service: Service) -> int:
    """How many verifications and purges wait or are being worked on."""
    with redis_client(service.settings) as client:
        broker = RedisBroker(client=client, middleware=[])
        return sum(broker.do_qsize(QUEUES[actor]) for actor in (PURGE_OBJECT, VERIFY_UPLOAD))
