"""The servers: their command lines, ports and readiness checks.

Every `is_ready` checks that the answer comes from the server of this stack. If another stack took the port
first, that stack answers, and this server is about to exit.
"""

import http.client
import json
import os
import signal
import socket
import ssl
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar, Protocol

from stack import binaries, s3_probe
from stack.certificates import write_certificate
from stack.folder import Secrets, write_private
from stack.ports import LOOPBACK, is_free
from stack.process import Command

REGION = "us-east-1"
FORWARD_SCRIPT = Path(__file__).with_name("forward.py")
Ports = Mapping[str, int]


class Server(Protocol):
    """The interface of a server. `port_names` are its ports; `can_use` checks one of them.

    `clean_up` removes the files that an ended server left outside its folder.
    """

    @property
    def name(self) -> str: ...
    @property
    def port_names(self) -> tuple[str, ...]: ...
    def can_use(self, port: int) -> bool: ...
    def command(self, ports: Ports) -> Command: ...
    def is_ready(self, ports: Ports) -> bool: ...
    def clean_up(self, ports: Ports) -> None: ...


def environment_of(home: Path) -> dict[str, str]:
    """Return the environment of a server."""
    # Nothing of the user's environment: weed reads AWS_ACCESS_KEY_ID as a second administrator and WEED_* as
    # settings, and mongod refuses to start if LANG names a missing locale.
    return {"PATH": os.environ.get("PATH", os.defpath), "HOME": str(home)}


@dataclass(frozen=True)
class Valkey:
    """The server of the queues, with an append-only file."""

    data: Path
    secrets: Secrets
    name: ClassVar[str] = "valkey"
    port_names: ClassVar[tuple[str, ...]] = ("valkey",)

    def can_use(self, port: int) -> bool:
        return is_free(port)

    def command(self, ports: Ports) -> Command:
        settings = {
            "bind": LOOPBACK,
            "port": ports["valkey"],
            # In a private file, because every user can read the arguments of a process.
            "requirepass": self.secrets.redis_password,
            "appendonly": "yes",
            # The file is written before each answer, so a killed server loses nothing. A power failure loses
            # up to one second of messages, which the reconciler enqueues again. `always` would flush for
            # each.
            "appendfsync": "everysec",
            "aof-load-truncated": "yes",  # start even if a crash truncated the file
            "save": '""',  # the append-only file is enough
            "maxmemory-policy": "noeviction",  # a full queue must refuse writes, not evict
        }
        config = self.data / "valkey.conf"
        write_private(config, "".join(f"{key} {value}\n" for key, value in settings.items()))
        argv = [str(binaries.find_valkey()), str(config)]
        return Command(argv, cwd=self.data, env=environment_of(self.data))

    def is_ready(self, ports: Ports) -> bool:
        """Return whether it accepts the password and has read its data."""
        try:
            with socket.create_connection((LOOPBACK, ports["valkey"]), 2) as valkey:
                valkey.sendall(f"AUTH {self.secrets.redis_password}\r\nPING\r\nQUIT\r\n".encode())
                with valkey.makefile("rb") as answers:
                    return answers.readline() == b"+OK\r\n" and answers.readline() == b"+PONG\r\n"
        except OSError:
            return False

    def clean_up(self, ports: Ports) -> None:
        """Do nothing: it has no files outside its folder."""


@dataclass(frozen=True)
class SeaweedFS:
    """The S3 server: master, volume server, filer and S3 gateway in one process.

    Clients use the S3 port and its keys. Its own components use the other ports: requests to the volume
    server are signed, and the gRPC ports and the master require a certificate. The filer has no HTTP port.
    """

    data: Path
    secrets: Secrets
    name: ClassVar[str] = "seaweedfs"
    roles: ClassVar[tuple[str, ...]] = ("master", "volume", "filer", "s3")
    port_names: ClassVar[tuple[str, ...]] = tuple(name for role in roles for name in (role, f"{role}_grpc"))

    def can_use(self, port: int) -> bool:
        """Return whether the port is free, and has no socket of another user, which weed cannot replace."""
        foreign = any(_is_foreign(_socket(role, port)) for role in self.roles)
        return not foreign and is_free(port)

    def command(self, ports: Ports) -> Command:
        write_private(self.data / "s3.json", json.dumps(self._identities()))
        if not self._certificate.exists():
            write_certificate(self._certificate, LOOPBACK)
        argv = [str(binaries.find_weed()), "-logtostderr", "server", "-dir=.", "-s3", "-s3.config=s3.json"]
        # A single master needs no election, which takes up to 15 s. It needs no state of the last run either,
        # because the volumes have it. With that state it may refuse its volume server, which retries only
        # after 5 s.
        argv += ["-master.peers=none", "-master.resumeState=false"]
        argv += [f"-ip={LOOPBACK}", f"-ip.bind={LOOPBACK}"]
        for role in self.roles:
            # By default gRPC uses the port plus 10000, which another stack may use.
            argv += [f"-{role}.port={ports[role]}", f"-{role}.port.grpc={ports[f'{role}_grpc']}"]
        # Relative, because the path of a socket is limited to about 100 bytes.
        argv += ["-filer.localSocket=filer.sock", "-s3.localSocket=s3.sock"]
        # Volumes are not preallocated, and their number is limited only by the disk; below 1% free space they
        # become read-only. Large files use several volumes. Compaction after deletions copies a volume, so
        # small volumes make it fast and need less space.
        argv += ["-master.volumeSizeLimitMB=1024", "-volume.max=10000"]
        argv += ["-volume.preStopSeconds=0"]
        # Unused: telemetry, the filer's HTTP interface, which requires no key, and other APIs.
        argv += ["-master.telemetry=false", "-filer.disableHttp", "-s3.iam=false"]
        argv += ["-s3.port.iceberg=0", "-s3.port.lance=0"]
        # As with Amazon S3, a PUT to a missing bucket is an error.
        argv += ["-s3.autoCreateBucket=false"]
        # A bucket starts with two volumes instead of seven. Without GOMEMLIMIT the memory grows beyond 1 GB
        # with large files.
        env = environment_of(self.data) | self._security()
        env |= {"WEED_MASTER_VOLUME_GROWTH_COPY_1": "2", "GOMEMLIMIT": "512MiB"}
        # On SIGTERM the filer refuses new work at once, then waits 15 s for subscribers that never
        # disconnect: itself and the S3 gateway. The kernel has every answered write, so SIGKILL loses none.
        return Command(argv, cwd=self.data, env=env, grace=0.25, orphan_signal=signal.SIGKILL)

    def _identities(self) -> Mapping[str, Any]:
        """Return the key that may do everything, and the key that may put objects and parts only."""
        secrets = self.secrets
        main = {"accessKey": secrets.s3_access_key, "secretKey": secrets.s3_secret_key}
        upload = {"accessKey": secrets.s3_upload_access_key, "secretKey": secrets.s3_upload_secret_key}
        put = {"Effect": "Allow", "Action": ["s3:PutObject"], "Resource": ["arn:aws:s3:::*"]}
        policy = json.dumps({"Version": "2012-10-17", "Statement": [put]})
        return {
            "identities": [
                {"name": "waybill", "credentials": [main], "actions": ["Admin"]},
                {"name": "waybill-upload", "credentials": [upload], "policyNames": ["waybill-upload"]},
            ],
            "policies": [{"name": "waybill-upload", "content": policy}],
        }

    @property
    def _certificate(self) -> Path:
        return self.data / "parts.pem"

    def _security(self) -> dict[str, str]:
        """Return the settings of `weed scaffold -config=security` that differ from the defaults.

        They are not in a file, because an earlier release that opens the folder would read it.
        """
        file = self._certificate.name
        pairs = [f"GRPC_{role.upper()}" for role in (*self.roles, "client")] + ["HTTPS_MASTER"]
        # Each component is a server and a client of the others.
        settings = {"GRPC_CA": file, "HTTPS_MASTER_CA": file}
        settings |= {f"{pair}_{half}": file for pair in pairs for half in ("CERT", "KEY")}
        # Signed requests and not TLS, which would encrypt each byte of an object inside this process.
        settings |= dict.fromkeys(("JWT_SIGNING_KEY", "JWT_SIGNING_READ_KEY"), self.secrets.volume_key)
        return {f"WEED_{name}": value for name, value in settings.items()}

    def is_ready(self, ports: Ports) -> bool:
        """Return whether S3 accepts the keys, and the master has a volume server."""
        try:
            keys = self.secrets.s3_access_key, self.secrets.s3_secret_key
            if s3_probe.list_buckets_status(LOOPBACK, ports["s3"], REGION, *keys) != http.HTTPStatus.OK:
                return False
            return self._has_volume_server(ports["master"], ports["volume"])
        except (OSError, http.client.HTTPException, ValueError, KeyError):
            return False

    def _has_volume_server(self, master: int, volume: int) -> bool:
        tls = ssl.create_default_context(cafile=self._certificate)
        tls.load_cert_chain(self._certificate)
        connection = http.client.HTTPSConnection(LOOPBACK, master, timeout=2, context=tls)
        try:
            connection.request("GET", "/dir/status")
            topology = json.load(connection.getresponse())["Topology"]
        finally:
            connection.close()
        nodes = [
            node
            for centre in topology["DataCenters"] or []
            for rack in centre["Racks"] or []
            for node in rack["DataNodes"] or []
        ]
        return any(node["Url"] == f"{LOOPBACK}:{volume}" and node["Max"] > 0 for node in nodes)

    def clean_up(self, ports: Ports) -> None:
        """Remove the sockets of a server that was killed."""
        for role in self.roles:
            port = ports[f"{role}_grpc"]
            # A process that uses the port now, such as another stack, has its own socket there.
            if is_free(port):
                _socket(role, port).unlink(missing_ok=True)


@dataclass(frozen=True)
class S3Forward:
    """Forwards the S3 port for other machines. Only if the stack has a host."""

    secrets: Secrets
    host: str
    name: ClassVar[str] = "s3-forward"
    port_names: ClassVar[tuple[str, ...]] = ("s3_public",)

    def can_use(self, port: int) -> bool:
        return is_free(port, self.host)

    def command(self, ports: Ports) -> Command:
        argv = [
            sys.executable,
            "-I",
            "-S",
            str(FORWARD_SCRIPT),
            self.host,
            str(ports["s3_public"]),
            str(ports["s3"]),
        ]
        return Command(argv, cwd=FORWARD_SCRIPT.parent, env=environment_of(FORWARD_SCRIPT.parent))

    def is_ready(self, ports: Ports) -> bool:
        """Return whether the stack's S3 server answers through it."""
        try:
            keys = self.secrets.s3_access_key, self.secrets.s3_secret_key
            status = s3_probe.list_buckets_status(self.host, ports["s3_public"], REGION, *keys)
            return status == http.HTTPStatus.OK
        except (OSError, http.client.HTTPException):
            return False

    def clean_up(self, ports: Ports) -> None:
        """Do nothing: it has no files."""


def _socket(role: str, port: int) -> Path:
    # The components of weed use these sockets, regardless of its folder.
    return Path(f"/tmp/seaweedfs-{role}-grpc-{port}.sock")  # noqa: S108


def _is_foreign(path: Path) -> bool:
    try:
        return path.lstat().st_uid != os.getuid()
    except FileNotFoundError:
        return False
