"""The settings: typed classes, and the only place that reads the environment."""

import os
import re
from pathlib import Path
from typing import Annotated, Literal, Self, TypeVar

from limits import parse_many
from pydantic import (
    AfterValidator,
    Field,
    SecretStr,
    ValidationError,
    ValidationInfo,
    field_validator,
    model_validator,
)
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

from waybill.platform.errors import SettingsError
from waybill.platform.redis.url import parse_redis_url
from waybill.platform.tokens import TokenRules
from waybill.platform.web_address import normalise_document_url, normalise_endpoint, normalise_origin

GIB = 1024**3
TIB = 1024**4
WEEK = 7 * 24 * 3600

#: The most bytes that S3 accepts in one PUT. The largest object has a thousand times as many.
MAX_SINGLE_PUT = 5 * GIB

S = TypeVar("S", bound="TokenSettings")


def _split(value: object) -> object:
    if isinstance(value, str):
        return tuple(each.strip() for each in value.split(",") if each.strip())
    return value


def _parsable(limits: str) -> str:
    if limits:
        try:
            parse_many(limits)
        except ValueError:
            raise ValueError("write it as 100/second, or several as 100/second; 5000/hour") from None
    return limits


#: The algorithms that verify with a public key (RFC 7518, 3.1 and RFC 8037, 3.1).
JwtAlgorithm = Literal[
    "RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512", "EdDSA"
]

Endpoint = Annotated[str, AfterValidator(normalise_endpoint)]
DocumentUrl = Annotated[str, AfterValidator(normalise_document_url)]


class TokenSettings(BaseSettings):
    """How bearer tokens are checked: WAYBILL_JWT_* and WAYBILL_JWKS_URL."""

    model_config = SettingsConfigDict(env_prefix="WAYBILL_", extra="ignore")

    jwt_secret: SecretStr | None = None
    jwks_url: DocumentUrl | None = None
    jwt_issuer: str | None = None
    jwt_audience: str | None = None
    # For the keys at JWKS_URL. JWT_SECRET is used with HS256 only.
    jwt_algorithms: Annotated[tuple[JwtAlgorithm, ...], NoDecode] = Field(("RS256", "ES256"), min_length=1)
    jwt_require_exp: bool = False
    jwt_max_lifetime: int | None = Field(default=None, ge=1)

    @property
    def token_rules(self) -> TokenRules:
        """What a token must contain in addition to a valid signature."""
        return TokenRules(self.jwt_issuer, self.jwt_audience, self.jwt_max_lifetime)

    @field_validator("jwt_algorithms", mode="before")
    @classmethod
    def _split_algorithms(cls, value: object) -> object:
        return _split(value)

    @field_validator("jwt_secret")
    @classmethod
    def _long_enough(cls, value: SecretStr | None) -> SecretStr | None:
        # RFC 7518, 3.2: an HS256 key has at least 256 bits.
        if value is not None and len(value.get_secret_value().encode()) < 32:
            raise ValueError("needs 32 bytes or more, for example from: openssl rand -base64 32")
        return value


class Settings(TokenSettings):
    """All WAYBILL_* variables. Durations are in seconds, sizes in bytes. No secret has a default."""

    # Secret, because the URL may contain a password.
    mongodb_url: SecretStr
    mongodb_database: str = "waybill"
    redis_url: SecretStr

    s3_endpoint_url: Endpoint
    s3_public_endpoint_url: Endpoint | None = None
    s3_bucket: str = Field(min_length=3, max_length=63)
    s3_region: str = "us-east-1"
    s3_access_key: str = Field(min_length=1)
    s3_secret_key: SecretStr
    # Sign the URLs of uploads. Both or neither.
    s3_upload_access_key: str | None = Field(default=None, min_length=1)
    s3_upload_secret_key: SecretStr | None = Field(default=None, min_length=1, validate_default=True)
    s3_hook_secret: SecretStr | None = None
    s3_timeout: float = Field(default=3, gt=0)
    s3_read_timeout: float = Field(default=30, gt=0)

    metrics_token: SecretStr | None = None

    # S3 refuses a signature older than a week.
    upload_url_ttl: int = Field(default=900, ge=1, le=WEEK)
    download_url_ttl: int = Field(default=300, ge=1, le=WEEK)
    upload_grace: int = Field(default=3600, ge=0)
    multipart_threshold: int = Field(default=MAX_SINGLE_PUT, ge=1, le=MAX_SINGLE_PUT)
    multipart_ttl: int = Field(default=24 * 3600, ge=1, le=WEEK)
    max_file_size: int = Field(default=5 * TIB, ge=1, le=5 * TIB)
    owner_quota_bytes: int | None = Field(default=None, ge=0)
    content_types: Annotated[tuple[str, ...], NoDecode] = ()
    verify: Literal["always", "store"] = "always"
    verify_retry_delay: float = Field(default=30, ge=0)
    verify_attempts: int = Field(default=130, ge=1)
    failed_retention: int = Field(default=WEEK, ge=0)
    purge_delay: int = Field(default=0, ge=0)
    owner_subscriptions: int = Field(default=100, ge=1)
    sweep_interval: int = Field(default=5, ge=1)
    rate_limit: Annotated[str, AfterValidator(_parsable)] = ""
    introspection: bool = True
    webhook_allow_private: bool = False
    cors_origins: Annotated[tuple[Annotated[str, AfterValidator(normalise_origin)], ...], NoDecode] = ()
    log_level: str = Field(default="INFO", pattern="^(DEBUG|INFO|WARNING|ERROR)$")

    # Set by `waybill up` only: the dashboard needs no sign-in, and the browser pages contain a
    # valid token.
    embedded: bool = False

    @field_validator("redis_url")
    @classmethod
    def _of_redis(cls, value: SecretStr) -> SecretStr:
        parse_redis_url(value.get_secret_value())
        return value

    @field_validator("mongodb_url")
    @classmethod
    def _of_mongodb(cls, value: SecretStr) -> SecretStr:
        if not value.get_secret_value().startswith(("mongodb://", "mongodb+srv://")):
            raise ValueError("write an address as mongodb://host/?replicaSet=name, or mongodb+srv://host")
        return value

    @field_validator("s3_bucket")
    @classmethod
    def _fit_for_a_path(cls, value: str) -> str:
        if not re.fullmatch("[A-Za-z0-9][A-Za-z0-9._-]*[A-Za-z0-9]", value):
            raise ValueError("has letters, digits, dots, - and _ only, and a letter or digit at both ends")
        return value

    @field_validator("s3_upload_secret_key")
    @classmethod
    def _of_an_upload_key(cls, value: SecretStr | None, info: ValidationInfo) -> SecretStr | None:
        # Without the first, it has its own error.
        if (value is None) != (info.data.get("s3_upload_access_key", "") is None):
            raise ValueError("set it together with WAYBILL_S3_UPLOAD_ACCESS_KEY, or neither of them")
        return value

    @field_validator("s3_hook_secret", "metrics_token")
    @classmethod
    def _fit_for_a_header(cls, value: SecretStr | None) -> SecretStr | None:
        if value is not None and not re.fullmatch("[!-~]{16,}", value.get_secret_value()):
            raise ValueError(
                "needs 16 ASCII characters or more, without spaces, for example from: openssl rand -hex 20"
            )
        return value

    @field_validator("cors_origins", "content_types", mode="before")
    @classmethod
    def _split_list(cls, value: object) -> object:
        return _split(value)

    def admits(self, content_type: str) -> bool:
        """Return whether CONTENT_TYPES allows files of this type."""
        bare = content_type.partition(";")[0].strip().lower()
        known = {bare, f"{bare.partition('/')[0]}/*", "*/*"}
        return not self.content_types or any(each.lower() in known for each in self.content_types)

    @property
    def public_endpoint_url(self) -> str:
        """The endpoint that presigned URLs name."""
        return self.s3_public_endpoint_url or self.s3_endpoint_url


class ApiSettings(Settings):
    """The settings of the API, which must be able to check tokens. Workers need no such secret."""

    @model_validator(mode="after")
    def _some_way_to_trust_a_token(self) -> Self:
        if self.jwt_secret is None and self.jwks_url is None:
            raise ValueError("set WAYBILL_JWT_SECRET or WAYBILL_JWKS_URL, otherwise no token can be checked")
        return self


def load_settings() -> Settings:
    """Read the environment.

    Raises:
        SettingsError: variables are missing or wrong. The message names them, without their values.
    """
    return _load(Settings)


def load_api_settings() -> ApiSettings:
    """Read the environment of an API process. Raises SettingsError."""
    return _load(ApiSettings)


def shared_metrics_folder() -> Path | None:
    """Return the folder where the API processes of one command share metrics, or None."""
    folder = os.environ.get("PROMETHEUS_MULTIPROC_DIR")
    return None if folder is None else Path(folder)


def traces_are_wanted() -> bool:
    """Return whether OpenTelemetry's variables name a server to send traces to."""
    if os.environ.get("OTEL_SDK_DISABLED", "").lower() == "true":
        return False
    names = ("OTEL_EXPORTER_OTLP_ENDPOINT", "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT")
    return any(os.environ.get(name) for name in names)


def load_token_settings() -> TokenSettings:
    """Read the few variables that are needed to make a token. Raises SettingsError."""
    return _load(TokenSettings)


def _load(kind: type[S]) -> S:
    try:
        return kind()
    except ValidationError as error:
        lines = []
        for problem in error.errors(include_input=False, include_url=False):
            key = (
                "".join(f"WAYBILL_{str(part).upper()}" for part in problem["loc"][:1]) or "WAYBILL_JWT_SECRET"
            )
            text = (
                "is not set" if problem["type"] == "missing" else problem["msg"].removeprefix("Value error, ")
            )
            lines.append(f"  {key}: {text}")
        raise SettingsError("The settings are not valid:\n" + "\n".join(lines)) from None
