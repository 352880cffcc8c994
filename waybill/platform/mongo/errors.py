"""Distinguish outages of MongoDB from its other errors.

Sources: MongoDB's `src/mongo/base/error_codes.yml` (codes and their categories), the driver specifications
"Retryable Writes", "Transactions" and "Change Streams" (labels), and `pymongo.errors` (classes).
"""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager

from pymongo.errors import (
    BulkWriteError,
    ConnectionFailure,
    OperationFailure,
    ProtocolError,
    PyMongoError,
    WriteConcernError,
)

from waybill.platform.errors import ServiceUnavailable

#: MongoDB's codes for: not this server, not now, or not in time. A repeat can succeed.
OUTAGE_CODES: Mapping[int, str] = {
    # It refuses our credentials, which only an operator can change.
    13: "Unauthorized",
    18: "AuthenticationFailed",
    # Another server is the primary, or this one is starting or stopping.
    91: "ShutdownInProgress",
    189: "PrimarySteppedDown",
    216: "ElectionInProgress",
    10058: "LegacyNotPrimary",
    10107: "NotWritablePrimary",
    11600: "InterruptedAtShutdown",
    11602: "InterruptedDueToReplStateChange",
    13435: "NotPrimaryNoSecondaryOk",
    13436: "NotPrimaryOrSecondary",
    # The servers do not reach each other.
    6: "HostUnreachable",
    7: "HostNotFound",
    89: "NetworkTimeout",
    133: "FailedToSatisfyReadPreference",
    202: "NetworkInterfaceExceededTimeLimit",
    407: "PooledConnectionAcquisitionExceededTimeLimit",
    9001: "SocketException",
    # No majority has the write or the state.
    64: "WriteConcernTimeout",
    100: "UnsatisfiableWriteConcern",
    134: "ReadConcernMajorityNotAvailableYet",
    187: "LinearizableReadConcernError",
    246: "SnapshotUnavailable",
    # A time limit passed.
    24: "LockTimeout",
    50: "MaxTimeMSExpired",
    262: "ExceededTimeLimit",
    290: "TransactionExceededLifetimeLimitSeconds",
    # Other operations conflicted.
    46: "LockBusy",
    112: "WriteConflict",
    117: "ConflictingOperationInProgress",
    239: "SnapshotTooOld",
    251: "NoSuchTransaction",
    267: "PreparedTransactionInProgress",
    282: "TransactionCoordinatorReachedAbortDecision",
    365: "TemporarilyUnavailable",
    12586: "BackgroundOperationInProgressForDatabase",
    12587: "BackgroundOperationInProgressForNamespace",
    # The server ended the operation or its cursor.
    43: "CursorNotFound",
    175: "QueryPlanKilled",
    234: "RetryChangeStream",
    237: "CursorKilled",
    279: "ClientDisconnect",
    355: "InterruptedDueToStorageChange",
    11601: "Interrupted",
    # Routers and shards know different versions of the cluster for a moment.
    63: "StaleShardVersion",
    150: "StaleEpoch",
    211: "KeyNotFound",
    249: "StaleDbVersion",
    250: "StaleChunkHistory",
    272: "MigrationConflict",
    13388: "StaleConfig",
    # The server accepts no more work, or no writes.
    371: "UserWritesBlocked",
    402: "ResourceExhausted",
    433: "AdmissionQueueOverflow",
    449: "RateLimitExceeded",
    462: "IngressRequestRateLimitExceeded",
    14031: "OutOfDiskSpace",
}

#: Labels of errors after which a repeat can succeed. The driver or the server adds them.
OUTAGE_LABELS = (
    "RetryableWriteError",
    "TransientTransactionError",
    # The commit may have succeeded. Each of our changes is conditional, so a repeat is safe.
    "UnknownTransactionCommitResult",
    "ResumableChangeStreamError",
    "RetryableError",
    "SystemOverloadedError",
)

_DUPLICATE_KEY = 11000

#: MongoDB's error for a hint whose index does not exist: `waybill init` has not run, or the index was
#: dropped. It counts as an outage, because without the index a query could read all files of an owner.
_BAD_VALUE = 2
_MISSING_INDEX = "hint provided does not correspond to an existing index"


@contextmanager
def map_driver_errors() -> Iterator[None]:
    """Convert outages that the driver reports to ServiceUnavailable.

    Raises:
        ServiceUnavailable: MongoDB cannot answer now; whether a write was made is not known.
    """
    try:
        yield
    except PyMongoError as error:
        if is_outage(error):
            raise ServiceUnavailable("MongoDB") from error
        raise


def is_outage(error: PyMongoError) -> bool:
    """Return whether an error means that MongoDB cannot answer now, and not that it refuses the operation."""
    # A write concern error says that no majority has acknowledged the write, with any code.
    if isinstance(error, ConnectionFailure | ProtocolError | WriteConcernError) or error.timeout:
        return True
    if any(error.has_error_label(label) for label in OUTAGE_LABELS):
        return True
    if isinstance(error, BulkWriteError):
        details = error.details
        codes = {problem["code"] for problem in details["writeErrors"]}
        return bool(details["writeConcernErrors"]) or not codes.isdisjoint(OUTAGE_CODES)
    if isinstance(error, OperationFailure) and error.code == _BAD_VALUE and _MISSING_INDEX in str(error):
        return True
    return isinstance(error, OperationFailure) and error.code in OUTAGE_CODES


def is_duplicates_only(error: BulkWriteError) -> bool:
    """Return whether a bulk write failed only for documents that exist, and a majority has the others."""
    problems = error.details["writeErrors"]
    only_duplicates = all(problem["code"] == _DUPLICATE_KEY for problem in problems)
    return only_duplicates and not error.details["writeConcernErrors"]
