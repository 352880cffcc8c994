"""What docker-compose.yml, .env.example and the Dockerfile promise; read from the files, without Docker."""

import json
import os
import re
import shlex
import shutil
import subprocess
import sys
import tomllib
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
import yaml

from cli.serve import GRACE_SECONDS
from waybill.platform.redis.messages import QUEUES
from waybill.platform.s3.policies import main_policy, upload_policy
from waybill.platform.settings import Settings, load_api_settings, load_settings

ROOT = Path(__file__).parents[1]
TEXT = (ROOT / "docker-compose.yml").read_text()
COMPOSE = yaml.safe_load(TEXT)
SERVICES: dict[str, dict[str, Any]] = COMPOSE["services"]
#: Started by `docker compose --profile monitoring up` alone.
MONITORING = {
    name: service for name, service in SERVICES.items() if service.get("profiles") == ["monitoring"]
}
LONG_RUNNING = {name: service for name, service in SERVICES.items() if service.get("restart") != "no"}
OURS = [service for service in SERVICES.values() if service["image"] == "waybill"]

EXAMPLE = (ROOT / ".env.example").read_text()
DEMANDED = dict(re.findall(r"^(\w+)=(.*)$", EXAMPLE, re.MULTILINE))
OPTIONAL = dict(re.findall(r"^#(\w+)=(.*)$", EXAMPLE, re.MULTILINE))

#: $$ is a dollar sign; anything else is a variable, perhaps with a default (:-) or a complaint (:?).
VARIABLE = re.compile(r"\$\$|\$\{(\w+)(?::([?-])([^}]*))?\}")

# A backslash continues a line, and comments stand on lines of their own.
INSTRUCTIONS = re.sub(r"^#.*\n", "", (ROOT / "Dockerfile").read_text(), flags=re.MULTILINE).replace(
    "\\\n", " "
)
STAGES = re.split(r"^(?=FROM )", INSTRUCTIONS, flags=re.MULTILINE)[1:]


#: The secrets of each process of Waybill, and what may hold one.
SECRETS = {"JWT_SECRET", "S3_HOOK_SECRET", "METRICS_TOKEN", "S3_SECRET_KEY", "S3_UPLOAD_SECRET_KEY"}
SECRETS |= {"MONGODB_URL", "REDIS_URL"}
SERVERS = {"S3_SECRET_KEY", "MONGODB_URL", "REDIS_URL"}
SECRETS_OF = {
    "init": SERVERS,
    "api": SECRETS,
    **dict.fromkeys(("worker", "sweeper", "webhook-worker"), SERVERS | {"METRICS_TOKEN"}),
}


def environment(values: dict[str, str], name: str = "api") -> dict[str, str]:
    """What a container of Waybill is given when .env holds ``values``."""

    def resolve(match: re.Match[str]) -> str:
        return "$" if match[0] == "$$" else values.get(match[1]) or match[3] or ""

    given = SERVICES[name]["environment"]
    resolved = {name: values.get(name) if value is None else value for name, value in given.items()}
    return {name: VARIABLE.sub(resolve, value) for name, value in resolved.items() if value is not None}


def settings(monkeypatch: pytest.MonkeyPatch, values: dict[str, str], name: str = "api") -> Settings:
    """What Waybill makes of it."""
    for variable in [variable for variable in os.environ if variable.startswith("WAYBILL_")]:
        monkeypatch.delenv(variable)
    for variable, value in environment(values, name).items():
        monkeypatch.setenv(variable, value)
    return load_api_settings() if name == "api" else load_settings()


def filled_in() -> dict[str, str]:
    secrets = dict.fromkeys(DEMANDED, "0123456789abcdef" * 3)
    return secrets | {"WAYBILL_S3_PUBLIC_ENDPOINT_URL": "https://s3.example.com"}


def test_the_file_follows_the_compose_specification() -> None:
    """By the specification's own schema, which check-jsonschema carries."""
    command = [sys.executable, "-m", "check_jsonschema", "--builtin-schema", "vendor.compose-spec"]
    result = subprocess.run(
        [*command, ROOT / "docker-compose.yml"], capture_output=True, text=True, check=False
    )
    assert result.returncode == 0, result.stdout + result.stderr


def test_only_the_api_and_the_store_can_be_reached_from_outside() -> None:
    published = {name: service["ports"] for name, service in SERVICES.items() if "ports" in service}
    # Grafana on this host alone.
    assert published == {
        "api": ["8000:8000"],
        "minio": ["9000:9000"],
        "grafana": ["127.0.0.1:3000:3000"],
    }
    assert COMPOSE["networks"]["back"]["internal"] is True
    outside = {name for name, service in SERVICES.items() if service["networks"] != ["back"]}
    # The worker of webhooks calls out, and accepts no requests.
    assert outside == {*published, "webhook-worker"}


def test_each_queue_has_a_worker() -> None:
    commands = [service["command"] for service in SERVICES.values() if "worker" in service.get("command", ())]
    queues = {queue for command in commands for option, queue in pairwise(command) if option == "--queue"}
    assert queues == set(QUEUES.values())


def test_nothing_starts_while_a_secret_is_missing() -> None:
    """The example holds no value that could be forgotten, and Compose refuses an empty one, with its name."""
    assert set(DEMANDED.values()) == {""}
    used = [match for match in VARIABLE.finditer(TEXT) if match[1]]
    for match in used:
        if match[1] in DEMANDED:
            assert match[2] == "?", f"{match[0]} would start without"
            assert match[1] in match[3], f"{match[0]} does not say what is missing"
    assert set(DEMANDED) <= {match[1] for match in used}


def test_the_example_lists_every_variable_and_no_other() -> None:
    named = {match[1] for match in VARIABLE.finditer(TEXT) if match[1]}
    handed_on = {name for name, value in SERVICES["api"]["environment"].items() if value is None}
    assert named | handed_on == set(DEMANDED) | set(OPTIONAL)


def test_every_setting_exists_and_is_accepted(monkeypatch: pytest.MonkeyPatch) -> None:
    """The defaults that the example shows are the real ones."""
    fields = {f"WAYBILL_{name.upper()}" for name in Settings.model_fields}
    given = {name for service in OURS for name in service["environment"]}
    assert {name for name in given if not name.startswith("OTEL_")} <= fields
    plain = settings(monkeypatch, filled_in())
    shown = settings(monkeypatch, filled_in() | OPTIONAL)
    without_default = {
        *("cors_origins", "jwks_url", "jwt_issuer", "jwt_audience", "jwt_max_lifetime"),
        *("owner_quota_bytes", "content_types", "s3_hook_secret", "metrics_token"),
    }
    assert shown.model_dump(exclude=without_default) == plain.model_dump(exclude=without_default)
    assert len(shown.cors_origins) == 1


def test_each_process_gets_the_secrets_that_it_needs_and_no_others(monkeypatch: pytest.MonkeyPatch) -> None:
    ours = {name: service for name, service in SERVICES.items() if service["image"] == "waybill"}
    assert set(ours) == set(SECRETS_OF)
    for name, service in ours.items():
        given = {variable.removeprefix("WAYBILL_") for variable in service["environment"]}
        assert given & SECRETS == SECRETS_OF[name], name
        assert settings(monkeypatch, filled_in(), name).s3_bucket == "waybill"


def test_the_policies_of_the_stores_keys_are_those_that_init_prints() -> None:
    for config, policy in (("minio-policy", main_policy), ("minio-upload-policy", upload_policy)):
        assert json.loads(COMPOSE["configs"][config]["content"]) == policy("waybill")


def test_no_service_can_take_all_memory_or_processes_of_the_host() -> None:
    for name, service in SERVICES.items():
        assert re.fullmatch(r"\d+[mg]", service["mem_limit"]), name
        assert 0 < service["pids_limit"] <= 4096, name
    [limit] = re.findall(r"^\s+maxmemory (\d+)mb$", TEXT, re.MULTILINE)
    # A rewrite of the append-only file may take as much once more.
    assert SERVICES["redis"]["mem_limit"] == "1g"
    assert 2 * int(limit) < 1024


def test_every_long_running_service_comes_back_and_can_be_seen_to_be_well() -> None:
    ours = {"mongo", "minio", "redis", "api", "worker", "sweeper", "webhook-worker"}
    assert set(LONG_RUNNING) - set(MONITORING) == ours
    for name, service in LONG_RUNNING.items():
        assert service.get("restart") == "unless-stopped", name
        assert service["healthcheck"]["test"], name
        assert all("restart" in SERVICES[other] for other in service.get("depends_on", {})), name


def test_every_service_is_confined_and_its_log_is_bounded() -> None:
    for name, service in SERVICES.items():
        assert service["cap_drop"] == ["ALL"], name
        assert service["security_opt"] == ["no-new-privileges:true"], name
        assert service["logging"]["options"]["max-size"], name
    assert all(service["read_only"] for service in OURS)
    assert all(int(service["stop_grace_period"].removesuffix("s")) > GRACE_SECONDS for service in OURS)


def test_monitoring_starts_only_with_a_token_and_a_password(monkeypatch: pytest.MonkeyPatch) -> None:
    """They are not asked for otherwise, so Compose itself cannot demand them."""
    assert set(MONITORING) == {"prometheus", "grafana"}
    for service, missing in (
        (MONITORING["prometheus"], "METRICS_TOKEN"),
        (MONITORING["grafana"], "GF_SECURITY"),
    ):
        script = re.sub(r"(?<=> )/\w+/token", "/dev/null", service["entrypoint"][-1].replace("$$", "$"))
        script = re.sub(r"^exec [^#]*", "echo started", script, flags=re.MULTILINE)
        for values, starts in (({}, False), (service["environment"], True)):
            result = subprocess.run(
                ["/bin/sh", "-euc", script],
                env={name: value if starts else "" for name, value in values.items()},
                capture_output=True,
                text=True,
                check=False,
            )
            assert ("started" in result.stdout) is starts, result
            assert starts or (missing in result.stderr and "in .env" in result.stderr)


def test_every_foreign_image_is_pinned() -> None:
    """A tag without a version means another program tomorrow."""
    images = {service["image"] for service in SERVICES.values()} - {"waybill"}
    images |= {match[1] for match in re.finditer(r"^FROM (\S+)", INSTRUCTIONS, re.MULTILINE)}
    for image in images:
        assert re.search(r":[^/:@]*\d", image), image


def test_the_image_holds_neither_build_tools_nor_root() -> None:
    assert len(STAGES) > 1
    last = STAGES[-1]
    assert re.search(r"^USER [1-9]\d*:[1-9]\d*$", last, re.MULTILINE)
    assert re.findall(r"^COPY .*$", last, re.MULTILINE) == ["COPY --from=build /opt/waybill /opt/waybill"]
    assert not re.search(r"apt-get|pip |uv ", last)


def test_the_image_gets_waybill_without_the_embedded_stack_and_the_tools(tmp_path: Path) -> None:
    """Asks uv itself what the flags of the Dockerfile mean."""
    uv = shutil.which("uv") or shutil.which("uv", path=ROOT / ".uv" / "bin")
    if uv is None:
        pytest.skip("uv is not on PATH")
    syncs = re.findall(r"uv (sync .*)$", INSTRUCTIONS, re.MULTILINE)
    assert len(syncs) == 2
    everything = set()
    for flags in syncs:
        result = subprocess.run(
            [uv, *shlex.split(flags), "--dry-run"],
            cwd=ROOT,
            env=os.environ | {"UV_PROJECT_ENVIRONMENT": str(tmp_path / "environment")},
            capture_output=True,
            text=True,
            check=False,
        )
        assert result.returncode == 0, result.stderr
        everything = set(re.findall(r"^ \+ ([\w-]+)(?:==| @ )", result.stderr, re.MULTILINE))
    assert {"waybill", "starlette", "dramatiq", "aioboto3"} <= everything
    groups = tomllib.loads((ROOT / "pyproject.toml").read_text())["dependency-groups"]
    unwanted = {re.split(r"[<>=;\[]", line)[0] for group in groups.values() for line in group}
    # uvicorn[standard] reads YAML too.
    assert unwanted & everything <= {"pyyaml", "websockets"}


def test_the_context_lets_through_what_the_build_reads() -> None:
    lines = (ROOT / ".dockerignore").read_text().splitlines()
    assert next(line for line in lines if line and not line.startswith("#")) == "*"
    allowed = {line.removeprefix("!") for line in lines if line.startswith("!")}
    content = tomllib.loads((ROOT / "pyproject.toml").read_text())
    paths = content["tool"]["hatch"]["build"]["targets"]["wheel"]["only-include"]
    project = content["project"]
    wanted = {*(path.partition("/")[0] for path in paths), project["readme"], *project["license-files"]}
    assert allowed == wanted | {"pyproject.toml", "uv.lock"}
    # The image's own stage builds and fetches.
    assert {"web/dist", "web/node_modules"} < set(lines)
    assert all((ROOT / path).exists() for path in allowed)
