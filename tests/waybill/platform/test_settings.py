"""The environment is read once, and a wrong value is named with its key."""

import pytest

from waybill.platform.errors import SettingsError
from waybill.platform.settings import load_api_settings, load_settings

GOOD = {
    "MONGODB_URL": "mongodb://db",
    "REDIS_URL": "redis://queue",
    "S3_ENDPOINT_URL": "http://store:9000/",
    "S3_BUCKET": "uploads",
    "S3_ACCESS_KEY": "key",
    "S3_SECRET_KEY": "top-secret-value",
    "JWT_SECRET": "0123456789abcdef0123456789abcdef",
}


@pytest.fixture
def environment(monkeypatch: pytest.MonkeyPatch) -> pytest.MonkeyPatch:
    for name, value in GOOD.items():
        monkeypatch.setenv(f"WAYBILL_{name}", value)
    return monkeypatch


def test_uploads_have_a_key_of_their_own_or_none(environment: pytest.MonkeyPatch) -> None:
    assert load_settings().s3_upload_access_key is None
    environment.setenv("WAYBILL_S3_UPLOAD_ACCESS_KEY", "upload")
    with pytest.raises(SettingsError, match="WAYBILL_S3_UPLOAD_SECRET_KEY: set it together"):
        load_settings()
    environment.setenv("WAYBILL_S3_UPLOAD_SECRET_KEY", "upload-secret-value")
    settings = load_settings()
    assert settings.s3_upload_access_key == "upload"
    assert "upload-secret-value" not in repr(settings)
    environment.delenv("WAYBILL_S3_UPLOAD_ACCESS_KEY")
    with pytest.raises(SettingsError, match="WAYBILL_S3_UPLOAD_SECRET_KEY: set it together") as caught:
        load_settings()
    assert "upload-secret-value" not in str(caught.value)


def test_what_is_needed_is_enough(environment: pytest.MonkeyPatch) -> None:
    settings = load_settings()
    assert settings.public_endpoint_url == "http://store:9000"
    assert settings.purge_delay == 0


@pytest.mark.parametrize("name", sorted(set(GOOD)))
def test_a_missing_setting_is_named(environment: pytest.MonkeyPatch, name: str) -> None:
    environment.delenv(f"WAYBILL_{name}")
    with pytest.raises(SettingsError, match=f"WAYBILL_{name}"):
        load_api_settings()


def test_a_worker_needs_no_secret_of_tokens(environment: pytest.MonkeyPatch) -> None:
    environment.delenv("WAYBILL_JWT_SECRET")
    assert load_settings().jwt_secret is None


def test_all_that_is_wrong_is_named_at_once_and_no_value_is_shown(environment: pytest.MonkeyPatch) -> None:
    environment.setenv("WAYBILL_JWT_SECRET", "too-short-a-secret")
    environment.setenv("WAYBILL_UPLOAD_URL_TTL", "soon")
    with pytest.raises(SettingsError) as caught:
        load_settings()
    message = str(caught.value)
    assert "WAYBILL_JWT_SECRET: needs 32 bytes" in message
    assert "WAYBILL_UPLOAD_URL_TTL" in message
    assert "too-short" not in message
    assert "soon" not in message


def test_origins_are_separated_by_commas(environment: pytest.MonkeyPatch) -> None:
    environment.setenv("WAYBILL_CORS_ORIGINS", "https://a.example, https://b.example")
    assert load_settings().cors_origins == ("https://a.example", "https://b.example")


def test_no_secret_shows_when_settings_are_printed(environment: pytest.MonkeyPatch) -> None:
    environment.setenv("WAYBILL_MONGODB_URL", "mongodb://user:hunter2@db")
    shown = repr(load_settings())
    for secret in ("top-secret-value", "0123456789abcdef", "hunter2"):
        assert secret not in shown


@pytest.mark.parametrize(
    "secret", ["", "fifteen-letters", "sixteen letters and spaces", "sixteen-létters-and-more"]
)
def test_a_hook_secret_that_cannot_be_one_is_refused(environment: pytest.MonkeyPatch, secret: str) -> None:
    environment.setenv("WAYBILL_S3_HOOK_SECRET", secret)
    with pytest.raises(SettingsError, match="WAYBILL_S3_HOOK_SECRET: needs 16") as caught:
        load_settings()
    assert not secret or secret not in str(caught.value)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("S3_ENDPOINT_URL", "http://user:hunter2@store:9000"),
        ("S3_PUBLIC_ENDPOINT_URL", "https://store.example?x=hunter2"),
        ("JWKS_URL", "https://user:hunter2@id.example/keys"),
        ("CORS_ORIGINS", "https://a.example, hunter2"),
        ("MONGODB_URL", "hunter2:27017"),
        ("S3_BUCKET", "hunter2/.."),
    ],
)
def test_an_address_that_clients_cannot_use_is_named_and_not_shown(
    environment: pytest.MonkeyPatch, name: str, value: str
) -> None:
    environment.setenv(f"WAYBILL_{name}", value)
    with pytest.raises(SettingsError, match=f"WAYBILL_{name}: (must|write|has)") as caught:
        load_settings()
    assert "hunter2" not in str(caught.value)


def test_addresses_are_spelled_as_browsers_do(environment: pytest.MonkeyPatch) -> None:
    environment.setenv("WAYBILL_S3_PUBLIC_ENDPOINT_URL", "HTTPS://S3.Bücher.Example:443/")
    environment.setenv("WAYBILL_CORS_ORIGINS", "https://App.example/")
    settings = load_settings()
    assert settings.public_endpoint_url == "https://s3.xn--bcher-kva.example"
    assert settings.cors_origins == ("https://app.example",)
