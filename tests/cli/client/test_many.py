"""Many small files in one command."""

import os
from collections import Counter

from tests.cli.client.shell import Shell

FILES = 300


def requests(err: str) -> int:
    """The requests to the API that `--verbose` has printed."""
    return sum(" /api/v1/" in line for line in err.splitlines())


def test_many_small_files_take_few_requests(shell: Shell) -> None:
    folder = shell.folder / "many"
    folder.mkdir()
    for number in range(FILES):
        (folder / f"{number}.bin").write_bytes(os.urandom(100))
    (folder / "wrong\x07name.bin").write_bytes(b"wrong")
    sent = shell.run("upload", "-r", folder, "--json", "--verbose")
    assert sent.code == 1
    assert Counter(line["outcome"] for line in sent.json) == {"uploaded": FILES, "failed": 1}
    [failed] = [line for line in sent.json if line["outcome"] == "failed"]
    assert failed["error"]["code"] == "invalid_input"
    assert requests(sent.err) < 100
    again = shell.run("upload", "-r", folder, "--json", "--verbose", "--exclude", "wrong*")
    assert again.code == 0
    assert Counter(line["outcome"] for line in again.json) == {"present": FILES}
    assert requests(again.err) < 10
