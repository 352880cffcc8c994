from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import boto3
import psutil
import pymongo
import pytest
import redis
from botocore.config import Config

from stack.locks import holders
from stack.stack import Addresses, Stack

if TYPE_CHECKING:
    from types_boto3_s3 import S3Client

#: Starts a stack in a folder, with further arguments of `Stack`.
Start = Callable[..., Stack]


@dataclass(frozen=True)
class Cargo:
    """One piece of data in each of the three servers."""

    addresses: Addresses

    def put(self, value: str) -> None:
        with pymongo.MongoClient[dict[str, str]](self.addresses.mongodb_url, timeoutMS=10_000) as mongodb:
            mongodb.test.cargo.insert_one({"_id": value})
        with redis.Redis.from_url(self.addresses.redis_url) as valkey:
            valkey.set("cargo", value)
        s3 = self.s3()
        if not s3.list_buckets()["Buckets"]:
            s3.create_bucket(Bucket="cargo")
        s3.put_object(Bucket="cargo", Key="cargo", Body=value.encode())
        s3.close()

    def get(self) -> tuple[str, str, str]:
        with pymongo.MongoClient[dict[str, str]](self.addresses.mongodb_url, timeoutMS=10_000) as mongodb:
            document = mongodb.test.cargo.find_one()
        with redis.Redis.from_url(self.addresses.redis_url) as valkey:
            entry = valkey.get("cargo")
        s3 = self.s3()
        content = s3.get_object(Bucket="cargo", Key="cargo")["Body"].read().decode()
        s3.close()
        assert document is not None
        assert isinstance(entry, bytes)
        return document["_id"], entry.decode(), content

    def s3(self) -> "S3Client":
        return boto3.client(
            "s3",
            endpoint_url=self.addresses.s3_endpoint_url,
            region_name="us-east-1",
            aws_access_key_id=self.addresses.s3_access_key,
            aws_secret_access_key=self.addresses.s3_secret_key,
            # No retries: the first request after the start must succeed.
            config=Config(signature_version="s3v4", retries={"max_attempts": 0}),
        )


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "data"


@pytest.fixture
def start(folder: Path) -> Iterator[Start]:
    """Starts stacks, by default in the folder of the test, and stops them at its end."""
    started: list[Stack] = []

    def start(path: Path = folder, **options: str) -> Stack:
        stack = Stack(path, **options)
        started.append(stack)
        stack.start()
        return stack

    yield start
    for stack in started:
        stack.stop()


@pytest.fixture(scope="package")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    """A stack for tests that neither stop nor harm it."""
    with Stack(tmp_path_factory.mktemp("running")) as stack:
        yield stack


@pytest.fixture(scope="package")
def cargo(running: Stack) -> Cargo:
    """Some data in the servers of `running`, put there by their first requests."""
    cargo = Cargo(running.addresses)
    cargo.put("tea")
    return cargo


def is_running(pid: int) -> bool:
    try:
        return psutil.Process(pid).status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


def left_behind(folder: Path) -> list[int]:
    """The processes that some supervisor of the folder has started, and that still run."""
    return [pid for pid in holders(folder / "servers.lock") if is_running(pid)]
