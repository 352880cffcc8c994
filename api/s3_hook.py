"""Where the object store sends its events, in the form that Amazon S3 and MinIO share.

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

#: What Amazon sends once, when notifications are configured.
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
        """Whether the event is that an object has come to be. MinIO begins the name with `s3:`."""
        return self.event_name.removeprefix("s3:").startswith("ObjectCreated:")

    @property
    def place(self) -> tuple[str, str]:
        """Bucket and key. Keys are escaped as in a form: a plus is a space."""
        return self.s3.bucket.name, unquote_plus(self.s3.object.key)


class _Notification(BaseModel):
    """All that we read of one; sizes and etags are looked up at the store instead."""

    records: list[_Record] = Field(default=[], alias="Records")
    event: str | None = Field(default=None, alias="Event")

    @model_validator(mode="after")
    def _says_something(self) -> Self:
        if "records" not in self.model_fields_set and self.event != TEST_EVENT:
            raise ValueError("has no Records")
        return self


class S3Hook:
    """Takes the events of a store that knows the secret.

    Answers 204 to every event, whatever came of it: a sender can do nothing about an event that concerns
    nobody, would only send it again, and is told nothing of our files.
    """

    def __init__(self, secret: SecretStr) -> None:
        self._secret = secret.get_secret_value().encode()

    async def receive(self, request: Request) -> Response:
        """Take one notification.

        Raises:
            Unauthenticated: the secret is missing or wrong.
            InvalidInput: the body is no notification.
            ServiceUnavailable: MongoDB or the store is unavailable; sending it again is safe.
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
        # MinIO puts `Bearer` before a token of one word, its later editions send it as it was configured.
        scheme, _, given = request.headers.get("authorization", "").rpartition(" ")
        is_known = secrets.compare_digest(given.encode(), self._secret)
        if not is_known or scheme.strip().lower() not in {"", "bearer"}:
            raise Unauthenticated("Send the hook's secret: Authorization: Bearer <WAYBILL_S3_HOOK_SECRET>.")
