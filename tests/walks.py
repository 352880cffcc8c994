"""Walk-throughs in documents, run as they stand."""

import re
import subprocess
import sys
from pathlib import Path

from tests.service import Service, free_port

ROOT = Path(__file__).parents[1]

#: A fenced block that is a step of a walk, or a file that its steps use.
BLOCK = r"^<!-- walk: {walk}(?:, (?P<file>\S+))? -->\n```\w+\n(?P<text>.*?)^```$"


def take(text: str, walk: str, service: Service, folder: Path) -> str:
    """Run the steps of one walk-through, in their order, in a folder of its own; what they printed."""
    steps = []
    for block in re.finditer(BLOCK.format(walk=walk), text, re.MULTILINE | re.DOTALL):
        if block["file"] is None:
            steps.append(block["text"])
        else:
            (folder / block["file"]).write_text(block["text"])
    script = "\n".join(steps)
    # What differs from a reader's machine: the ports, and where the secret and the packages are.
    for written, here in (
        ("http://127.0.0.1:8000", service.address),
        ("9300", str(free_port())),
        # The first, for it stands in what replaces the other.
        (".venv/bin/python", sys.executable),
        (".venv/bin/waybill", f"{sys.executable} -m cli"),
    ):
        script = script.replace(written, here)
    result = subprocess.run(
        ["/bin/bash", "-euo", "pipefail", "-c", script],
        check=False,
        cwd=folder,
        env={**service.env, "PYTHONPATH": str(ROOT), "XDG_STATE_HOME": str(folder)},
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert result.returncode == 0, result.stdout + result.stderr
    return result.stdout
