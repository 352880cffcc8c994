"""Run the client's commands like in a shell: in this process if possible, for speed."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from jsonschema import Draft202012Validator, FormatChecker
from typer.testing import CliRunner

from cli.main import app

ROOT = Path(__file__).parents[3]

SCHEMA = Draft202012Validator(
    json.loads((ROOT / "docs" / "reference" / "command-line.schema.json").read_text()),
    format_checker=FormatChecker(),
)


@dataclass(frozen=True)
class Ran:
    """What became of a command."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> list[Any]:
        """Its lines of JSON. Fails if anything else is on stdout, or a line is not as the schema says."""
        lines = [json.loads(line) for line in self.out.splitlines()]
        for line in lines:
            SCHEMA.validate(line)
        return lines


class Shell:
    """A home, an environment and a folder of its own, in which commands are run."""

    def __init__(self, folder: Path, **environment: str) -> None:
        self.folder = folder
        self.environment = {
            "XDG_CONFIG_HOME": str(folder / "config"),
            "XDG_STATE_HOME": str(folder / "state"),
            **environment,
        }

    def run(self, *arguments: object, typed: str = "") -> Ran:
        """Run a command to its end."""
        before = Path.cwd()
        os.chdir(self.folder)
        try:
            result = CliRunner().invoke(
                app, [str(each) for each in arguments], env=self._environment(), input=typed
            )
        finally:
            os.chdir(before)
        if result.exception is not None and not isinstance(result.exception, SystemExit):
            raise result.exception
        return Ran(result.exit_code, result.stdout, result.stderr)

    def ids(self, *arguments: object) -> list[str]:
        """The ids that `ls` prints."""
        return [file["id"] for file in self.run("ls", "--json", *arguments).json]

    @contextmanager
    def started(self, *arguments: object, **options: Any) -> Iterator[subprocess.Popen[Any]]:
        """A command in a process of its own, killed where it has not ended. It prints text by default."""
        streams = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True} | options
        inherited = {name: value for name, value in os.environ.items() if not name.startswith("WAYBILL_")}
        with subprocess.Popen(
            # What a shell runs in the background ignores Ctrl-C, and so would what it starts, as these tests.
            ["/usr/bin/env", "--default-signal=INT", sys.executable, "-m", "cli", *map(str, arguments)],
            cwd=self.folder,
            env=inherited | {"PYTHONPATH": str(ROOT)} | self.environment,
            **streams,
        ) as process:
            try:
                yield process
            finally:
                process.kill()

    def _environment(self) -> dict[str, str | None]:
        strange = [name for name in os.environ if name.startswith("WAYBILL_")]
        return {**dict.fromkeys(strange), **self.environment}
