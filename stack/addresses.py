"""The addresses and keys of the servers, and the settings of a Waybill process that uses them."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Self

from stack.folder import Secrets
from stack.mongod import mongodb_url
from stack.ports import LOOPBACK, reachable_name
from stack.servers import REGION

BUCKET = "waybill"


@dataclass(frozen=True)
class Addresses:
    """The addresses of the servers on loopback, and the keys of the object store.

    `s3_public_endpoint_url` is the address for other machines; without a host it equals `s3_endpoint_url`.
    """

    mongodb_url: str
    redis_url: str
    s3_endpoint_url: str
    s3_public_endpoint_url: str
    s3_access_key: str
    s3_secret_key: str
    s3_upload_access_key: str
    s3_upload_secret_key: str

    @classmethod
    def of(cls, ports: Mapping[str, int], secrets: Secrets, host: str) -> Self:
        """Return the addresses of servers at these ports. `host` is that of the store for other machines."""
        local_s3 = f"http://{LOOPBACK}:{ports['s3']}"
        return cls(
            mongodb_url=mongodb_url(ports["mongod"], secrets),
            redis_url=f"redis://:{secrets.redis_password}@{LOOPBACK}:{ports['valkey']}/0",
            s3_endpoint_url=local_s3,
            s3_public_endpoint_url=(
                local_s3 if is_local(host) else f"http://{reachable_name(host)}:{ports['s3_public']}"
            ),
            s3_access_key=secrets.s3_access_key,
            s3_secret_key=secrets.s3_secret_key,
            s3_upload_access_key=secrets.s3_upload_access_key,
            s3_upload_secret_key=secrets.s3_upload_secret_key,
        )

    def env(self) -> dict[str, str]:
        """Return the settings that name the servers."""
        is_public = self.s3_public_endpoint_url != self.s3_endpoint_url
        public = {"WAYBILL_S3_PUBLIC_ENDPOINT_URL": self.s3_public_endpoint_url} if is_public else {}
        return public | {
            "WAYBILL_MONGODB_URL": self.mongodb_url,
            "WAYBILL_REDIS_URL": self.redis_url,
            "WAYBILL_S3_ENDPOINT_URL": self.s3_endpoint_url,
            "WAYBILL_S3_BUCKET": BUCKET,
            "WAYBILL_S3_REGION": REGION,
            "WAYBILL_S3_ACCESS_KEY": self.s3_access_key,
            "WAYBILL_S3_SECRET_KEY": self.s3_secret_key,
            "WAYBILL_S3_UPLOAD_ACCESS_KEY": self.s3_upload_access_key,
            "WAYBILL_S3_UPLOAD_SECRET_KEY": self.s3_upload_secret_key,
        }


def is_local(host: str) -> bool:
    """Return whether a host is reachable only from this machine."""
    return host in (LOOPBACK, "localhost")
