"""The servers: how each is run, on which ports, and when it is ready.

Every `is_ready` proves that the answer comes from our own server: another stack may have taken the port, and
would answer while ours is still on its way to fail.
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
from typing import ClassVar, Protocol

from stack import binaries, s3_probe
from stack.certificates import write_certificate
from stack.folder import Secrets, write_private
from stack.ports import LOOPBACK, is_free
from stack.process import Command

REGION = "us-east-1"
FORWARD = Path(__file__).with_name("forward.py")
Ports = Mapping[str, int]


class Server(Protocol):
    """What the stack asks of a server. `port_names` are the ports it wants; `can_use` judges one of them.

    `sweep` removes what a server that has ended leaves outside its folder.
    """

    @property
    def name(self) -> str: ...
    @property
    def port_names(self) -> tuple[str, ...]: ...
    def can_use(self, port: int) -> bool: ...
    def command(self, ports: Ports) -> Command: ...
    def is_ready(self, ports: Ports) -> bool: ...
    def sweep(self, ports: Ports) -> None: ...


def environment_of(home: Path) -> dict[str, str]:
    """The whole environment of a server."""
    # Nothing of the user's: weed takes AWS_ACCESS_KEY_ID for a second administrator and WEED_* for settings,
    # mongod refuses to start where LANG names a locale that the machine lacks.
    return {"PATH": os.environ.get("PATH", os.defpath), "HOME": str(home)}


@dataclass(frozen=True)
class Valkey:
    """The broker's queue, kept in an append-only file."""

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
            # In a private file, since everybody may read the arguments of a process.
            "requirepass": self.secrets.redis_password,
            "appendonly": "yes",
            # The file is written before each answer, so killing the server loses nothing; a power cut loses
            # up to one second of messages, which the reconciler sends again. `always` would cost a disk flush
            # each.
            "appendfsync": "everysec",
            "aof-load-truncated": "yes",  # a tail cut by a crash is dropped instead of refusing to start
            "save": '""',  # the append-only file is enough
            "maxmemory-policy": "noeviction",  # a queue must refuse, never forget
        }
        config = self.data / "valkey.conf"
        write_private(config, "".join(f"{key} {value}\n" for key, value in settings.items()))
        argv = [str(binaries.find_valkey()), str(config)]
        return Command(argv, cwd=self.data, env=environment_of(self.data))

    def is_ready(self, ports: Ports) -> bool:
        """Whether it accepts our password and has read its data."""
        try:
            with socket.create_connection((LOOPBACK, ports["valkey"]), 2) as valkey:
                valkey.sendall(f"AUTH {self.secrets.redis_password}\r\nPING\r\nQUIT\r\n".encode())
                with valkey.makefile("rb") as answers:
                    return answers.readline() == b"+OK\r\n" and answers.readline() == b"+PONG\r\n"
        except OSError:
            return False

    def sweep(self, ports: Ports) -> None:
        """It leaves nothing outside its folder."""


@dataclass(frozen=True)
class SeaweedFS:
    """The S3 server: master, volume server, filer and S3 gateway in one process.

    Clients use the S3 port and its keys. The other ports are for its own parts, which sign requests to the
    volume server, and show a certificate to the gRPC ports and to the master. The filer has no HTTP.
    """

    data: Path
    secrets: Secrets
    name: ClassVar[str] = "seaweedfs"
    roles: ClassVar[tuple[str, ...]] = ("master", "volume", "filer", "s3")
    port_names: ClassVar[tuple[str, ...]] = tuple(name for role in roles for name in (role, f"{role}_grpc"))

    def can_use(self, port: int) -> bool:
        """Whether the port is free, and no other user has left a socket for it, which weed cannot replace."""
        foreign = any(_is_foreign(_socket(role, port)) for role in self.roles)
        return not foreign and is_free(port)

    def command(self, ports: Ports) -> Command:
        owner = {
            "name": "waybill",
            "credentials": [
                {"accessKey": self.secrets.s3_access_key, "secretKey": self.secrets.s3_secret_key},
            ],
            "actions": ["Admin"],
        }
        write_private(self.data / "s3.json", json.dumps({"identities": [owner]}))
        if not self._certificate.exists():
            write_certificate(self._certificate, LOOPBACK)
        argv = [str(binaries.find_weed()), "-logtostderr", "server", "-dir=.", "-s3", "-s3.config=s3.json"]
        # One master needs no election, which takes up to 15 s; nor its state of the last run, which it finds
        # in the volumes: loading it, it may turn its own volume server away at first, and that comes again
        # after 5 s.
        argv += ["-master.peers=none", "-master.resumeState=false"]
        argv += [f"-ip={LOOPBACK}", f"-ip.bind={LOOPBACK}"]
        for role in self.roles:
            # gRPC would be at the port plus 10000, which another stack may hold.
            argv += [f"-{role}.port={ports[role]}", f"-{role}.port.grpc={ports[f'{role}_grpc']}"]
        # The path of a socket is limited to some 100 bytes: relative, that of the folder does not matter.
        argv += ["-filer.localSocket=filer.sock", "-s3.localSocket=s3.sock"]
        # Volumes are not preallocated and any number may exist: the disk is the limit, and below 1% of it
        # free they turn read-only. Large files are spread over as many as it takes; small volumes are quick
        # to compact after deletions, which needs room for a copy of one.
        argv += ["-master.volumeSizeLimitMB=1024", "-volume.max=10000"]
        argv += ["-volume.preStopSeconds=0"]
        # What nobody uses here: telemetry, the filer's own HTTP interface, which asks for no key, and other
        # APIs.
        argv += ["-master.telemetry=false", "-filer.disableHttp", "-s3.iam=false"]
        argv += ["-s3.port.iceberg=0", "-s3.port.lance=0"]
        # As with Amazon's: a PUT to a bucket that is not there is an error.
        argv += ["-s3.autoCreateBucket=false"]
        # A bucket begins with two volumes instead of seven. Without a limit the memory grows beyond 1 GB
        # while large files come and go.
        env = environment_of(self.data) | self._security()
        env |= {"WEED_MASTER_VOLUME_GROWTH_COPY_1": "2", "GOMEMLIMIT": "512MiB"}
        # On SIGTERM the filer refuses new work at once, then waits 15 s for subscribers that never leave:
        # itself and the S3 gateway. All writes are with the kernel before they are answered, so a kill loses
        # none.
        return Command(argv, cwd=self.data, env=env, grace=0.25, orphan_signal=signal.SIGKILL)

    @property
    def _certificate(self) -> Path:
        return self.data / "parts.pem"

    def _security(self) -> dict[str, str]:
        """The settings of `weed scaffold -config=security` that differ from its defaults.

        Not as a file, which an earlier release would read too if it opened the folder again.
        """
        file = self._certificate.name
        pairs = [f"GRPC_{role.upper()}" for role in (*self.roles, "client")] + ["HTTPS_MASTER"]
        # Each part is a server and a client of the others.
        settings = {"GRPC_CA": file, "HTTPS_MASTER_CA": file}
        settings |= {f"{pair}_{half}": file for pair in pairs for half in ("CERT", "KEY")}
        # By TLS as well each byte of an object would be encrypted on its way inside of this process.
        settings |= dict.fromkeys(("JWT_SIGNING_KEY", "JWT_SIGNING_READ_KEY"), self.secrets.volume_key)
        return {f"WEED_{name}": value for name, value in settings.items()}

    def is_ready(self, ports: Ports) -> bool:
        """Whether S3 accepts our keys and the master has a volume server to place objects on."""
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

    def sweep(self, ports: Ports) -> None:
        """Remove the sockets of a server that was killed."""
        for role in self.roles:
            port = ports[f"{role}_grpc"]
            # Whoever holds the port by now, another stack perhaps, has put a socket of its own there.
            if is_free(port):
                _socket(role, port).unlink(missing_ok=True)


@dataclass(frozen=True)
class S3Forward:
    """The way to the S3 port for other machines. Only where a host is asked for."""

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
            str(FORWARD),
            self.host,
            str(ports["s3_public"]),
            str(ports["s3"]),
        ]
        return Command(argv, cwd=FORWARD.parent, env=environment_of(FORWARD.parent))

    def is_ready(self, ports: Ports) -> bool:
        """Whether our S3 server answers through it."""
        try:
            keys = self.secrets.s3_access_key, self.secrets.s3_secret_key
            status = s3_probe.list_buckets_status(self.host, ports["s3_public"], REGION, *keys)
            return status == http.HTTPStatus.OK
        except (OSError, http.client.HTTPException):
            return False

    def sweep(self, ports: Ports) -> None:
        """It has no files."""


def _socket(role: str, port: int) -> Path:
    # The parts of weed call one another through these, wherever it is told to keep its files.
    return Path(f"/tmp/seaweedfs-{role}-grpc-{port}.sock")  # noqa: S108


def _is_foreign(path: Path) -> bool:
    try:
        return path.lstat().st_uid != os.getuid()
    except FileNotFoundError:
        return False
