"""The endpoint for event notifications of the object store, in the form of Amazon S3 and MinIO.

Source: Amazon S3 User Guide, "Event message structure"; MinIO's webhook target.
"""

import secrets
from typing import Self
from urllib.parse import unquote_plus

from pydantic import BaseModel, Field, SecretStr, ValidationError, model_validator
from starlette.requests import Request
from starlette.responses import Response

from api.body import read_json_body
from api.operation_metrics import measured
from waybill.files.storage_event import handle_storage_event
from waybill.platform.errors import Unauthenticated
from waybill.platform.validation import invalid_input

#: The event that Amazon sends once, when notifications are configured.
TEST_EVENT = "s3:TestEvent"


class _Bucket(BaseModel):
    name: str


class _Object(BaseModel):
    key: str


class _Entity(BaseModel):
    bucket: _Bucket
    object: _Object


class _Record(BaseModel):
    event_name: str = Field(alias="eventName")
    s3: _Entity

    @property
    def is_arrival(self) -> bool:
        """Whether an object was created. MinIO begins the name of the event with `s3:`."""
        return self.event_name.removeprefix("s3:").startswith("ObjectCreated:")

    @property
    def place(self) -> tuple[str, str]:
        """The bucket and the key. Keys are escaped like in a form: a plus is a space."""
        return self.s3.bucket.name, unquote_plus(self.s3.object.key)


class _Notification(BaseModel):
    """The fields that are read. Sizes and ETags are requested from the store instead."""

    records: list[_Record] = Field(default=[], alias="Records")
    event: str | None = Field(default=None, alias="Event")

    @model_validator(mode="after")
    def _says_something(self) -> Self:
        if "records" not in self.model_fields_set and self.event != TEST_EVENT:
            raise ValueError("has no Records")
        return self


class S3Hook:
    """Receives the events of a store that sends the secret.

    Returns 204 for every event, also if it has no effect. After an error the sender would only send the event
    again, and it must not learn anything about our files.
    """

    def __init__(self, secret: SecretStr) -> None:
        self._secret = secret.get_secret_value().encode()

    async def receive(self, request: Request) -> Response:
        """Receive one notification.

        Raises:
            Unauthenticated: the secret is missing or wrong.
            InvalidInput: the body is not a notification.
            ServiceUnavailable: MongoDB or the store is unavailable; a repeat is safe.
        """
        return await measured("hook", "objectArrived", self._answer(request))

    async def _answer(self, request: Request) -> Response:
        self._authenticate(request)
        try:
            notification = _Notification.model_validate_json(await read_json_body(request))
        except ValidationError as error:
            raise invalid_input(error) from None
        arrivals = dict.fromkeys(record.place for record in notification.records if record.is_arrival)
        for bucket, key in arrivals:
            await handle_storage_event(request.state.resources, bucket, key)
        return Response(status_code=204)

    def _authenticate(self, request: Request) -> None:
        # MinIO adds `Bearer` to a token of one word. Newer editions send the token unchanged.
        scheme, _, given = request.headers.get("authorization", "").rpartition(" ")
        is_known = secrets.compare_digest(given.encode(), self._secret)
        if not is_known or scheme.strip().lower() not in {"", "bearer"}:
            raise Unauthenticated("Send the hook's secret: Authorization: Bearer <WAYBILL_S3_HOOK_SECRET>.")
