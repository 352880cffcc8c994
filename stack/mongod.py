"""The embedded MongoDB: a replica set of one member, with its key and its user."""

import socket
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

import pymongo
from pymongo.errors import OperationFailure, PyMongoError

from stack import binaries
from stack.folder import Secrets, write_private
from stack.ports import LOOPBACK, is_free
from stack.process import Command
from stack.servers import Ports, environment_of

REPLICA_SET = "waybill"
MONGODB_USER = "waybill"
AUTHENTICATION_FAILED = 18  # MongoDB's error code


def mongodb_url(port: int, secrets: Secrets) -> str:
    """Return the URL of the embedded MongoDB, with user and password."""
    # Direct, because the replica set has the address of the last run until it is reconfigured.
    options = f"replicaSet={REPLICA_SET}&directConnection=true&authSource=admin"
    return f"mongodb://{MONGODB_USER}:{secrets.mongodb_password}@{LOOPBACK}:{port}/?{options}"


@dataclass(frozen=True)
class Mongod:
    """MongoDB as a replica set of one member, because change streams and transactions need a replica set.

    A replica set requires passwords if its members have a key file. The key itself allows a login as a
    member.
    """

    data: Path
    secrets: Secrets
    named_binary: str | None = None
    name: ClassVar[str] = "mongod"
    port_names: ClassVar[tuple[str, ...]] = ("mongod",)

    def can_use(self, port: int) -> bool:
        return is_free(port)

    def command(self, ports: Ports) -> Command:
        key = self.data / "key"
        write_private(key, self.secrets.mongodb_key)
        argv = [str(binaries.find_mongod(self.named_binary)), "--dbpath", str(self.data), "--quiet"]
        argv += ["--keyFile", str(key), "--setParameter", "enableLocalhostAuthBypass=false"]
        argv += ["--bind_ip", LOOPBACK, "--port", str(ports["mongod"]), "--nounixsocket"]
        # The default oplog has 5% of the disk, at least 990 MB. Here only change streams use it, for seconds.
        argv += ["--replSet", REPLICA_SET, "--oplogSize", "128"]
        # The default cache has half of the memory; 0.25 is mongod's minimum.
        argv += ["--wiredTigerCacheSizeGB", "0.25"]
        # Diagnostic data needs up to 200 MB.
        argv += ["--setParameter", "diagnosticDataCollectionEnabled=false"]
        # On SIGTERM a primary waits up to 15 s for a secondary, and there is none.
        argv += ["--setParameter", "shutdownTimeoutMillisForSignaledShutdown=100"]
        # How long a killed process's transaction locks its documents. Waybill's own end after 10 s.
        argv += ["--setParameter", "transactionLifetimeLimitSeconds=15"]
        return Command(argv, cwd=self.data, env=environment_of(self.data), grace=20.0)

    def is_ready(self, ports: Ports) -> bool:
        """Return whether it is the writable primary. Set up the replica set and its user if needed."""
        try:
            # A refused connection would make the driver wait for half a second.
            socket.create_connection((LOOPBACK, ports["mongod"]), 2).close()
            with self._log_in(ports, "__system", self.secrets.mongodb_key, "local") as mongod:
                options = mongod.admin.command("getCmdLineOpts")
                if options["parsed"]["storage"]["dbPath"] != str(self.data):
                    return False
                self._configure(mongod, f"{LOOPBACK}:{ports['mongod']}")
                if not mongod.admin.command("hello").get("isWritablePrimary"):
                    return False
                self._provide_user(ports, mongod)
                return True
        except (OSError, PyMongoError):
            return False

    def _log_in(self, ports: Ports, user: str, password: str, database: str) -> pymongo.MongoClient[Any]:
        return pymongo.MongoClient(
            LOOPBACK,
            ports["mongod"],
            username=user,
            password=password,
            authSource=database,
            authMechanism="SCRAM-SHA-256",
            directConnection=True,
            timeoutMS=5000,
        )

    def _configure(self, mongod: pymongo.MongoClient[Any], address: str) -> None:
        member = {"_id": 0, "host": address}
        # Read the stored configuration. While mongod loads it, replSetGetStatus reports none, and
        # replSetInitiate at that moment would hang.
        stored = mongod.local["system.replset"].find_one()
        if not stored:
            mongod.admin.command("replSetInitiate", {"_id": REPLICA_SET, "members": [member]})
        elif [each["host"] for each in stored["members"]] != [address]:
            # After a change of port the member is not in the set, so there is no primary, and only a forced
            # reconfiguration works.
            moved = {"_id": REPLICA_SET, "version": stored["version"] + 1, "members": [member]}
            mongod.admin.command("replSetReconfig", moved, force=True)

    def _provide_user(self, ports: Ports, mongod: pymongo.MongoClient[Any]) -> None:
        """Create the user if it is missing, or set its password."""
        password = self.secrets.mongodb_password
        try:
            with self._log_in(ports, MONGODB_USER, password, "admin") as user:
                user.admin.command("ping")
        except OperationFailure as error:
            if error.code != AUTHENTICATION_FAILED:
                raise
            known = mongod.admin.command("usersInfo", MONGODB_USER)["users"]
            mongod.admin.command(
                "updateUser" if known else "createUser", MONGODB_USER, pwd=password, roles=["root"]
            )

    def clean_up(self, ports: Ports) -> None:
        """Do nothing: it has no files outside its folder."""
