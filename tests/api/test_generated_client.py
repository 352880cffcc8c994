"""A client in Python that openapi-python-client generates from the OpenAPI document."""

import importlib
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from api.rest.routes import openapi_json
from tests import waiting
from tests.service import Service
from tests.uploads import FINAL, put


@pytest.fixture(scope="module")
def package(tmp_path_factory: pytest.TempPathFactory) -> str:
    """Generate the client, and return the name of its package. Nothing of the document is left out."""
    folder = tmp_path_factory.mktemp("generated")
    (folder / "openapi.json").write_bytes(openapi_json())
    (folder / "config.yml").write_text("post_hooks: []\n")
    tool = Path(sys.executable).with_name("openapi-python-client")
    options = ["--path", "openapi.json", "--config", "config.yml", "--output-path", "waybill_api"]
    finished = subprocess.run(
        [tool, "generate", *options, "--meta", "none", "--fail-on-warning"],
        cwd=folder,
        env=os.environ,
        capture_output=True,
        text=True,
        check=False,
    )
    assert finished.returncode == 0, finished.stdout + finished.stderr
    sys.path.insert(0, str(folder))
    return "waybill_api"


async def test_a_generated_client_uploads_a_file(package: str, service: Service, owner: str) -> None:
    def part(name: str) -> Any:
        return importlib.import_module(f"{package}.{name}")

    models, files = part("models"), "api.files"
    request, complete, get = (
        part(f"{files}.{name}") for name in ("request_upload", "complete_upload", "get_file")
    )
    address, token = f"{service.address}/api/v1", service.token(owner)
    async with part("client").AuthenticatedClient(base_url=address, token=token) as client:
        body = models.UploadRequest(name="a.bin", size=3)
        requested = await request.asyncio(client=client, body=body)
        sent = await put(requested.upload.to_dict(), b"abc")
        assert sent.status_code == 200
        file_id = requested.file.id
        completed = await complete.asyncio(file_id, client=client)
        assert isinstance(completed, models.File)

        async def final() -> Any:
            file = await get.asyncio(file_id, client=client)
            return file if file.status in FINAL else None

        file: Any = await waiting.until(final, lambda: file_id)
        assert (file.status, file.size) == ("COMPLETED", 3)
        missing = await get.asyncio("0" * 24, client=client)
        assert missing.code == "file_not_found"
