"""An error is printed on stderr, and sets the exit code."""

import os
import pty
import subprocess
from pathlib import Path

import pytest

from tests.cli.client.shell import Shell
from tests.service import free_port

NO_FILE = "6b043f91342f2be4ee3195a4"


@pytest.mark.parametrize(
    "arguments",
    [
        ["upload", "{folder}"],
        ["upload", "missing.bin"],
        ["upload", "-r", "{folder}", "--name", "x"],
        ["get", NO_FILE, NO_FILE[::-1], "-o", "no-folder"],
        ["ls", "--min-size", "big"],
        ["ls", "--after", "yesterday"],
        ["ls", "--status", "LOST"],
        ["upload", "shell.py", "--bwlimit", "0"],
        ["rm"],
        ["get", "--yes"],
        ["rm", NO_FILE, "--name", "a"],
        # Nothing is deleted by filters unless a person says yes.
        ["rm", "--name", "a"],
        ["ls", "--url", "files.example.com"],
        # What is no text would be lost on the way to the server, and the filter with it.
        ["rm", "--name", "\udce9", "--yes"],
        ["ls", "--content-type", "\udce9"],
        ["upload", "missing.bin", "--name", "\udce9"],
        ["nonsense"],
    ],
)
def test_2_a_wrong_command_line(shell: Shell, arguments: list[str]) -> None:
    ran = shell.run(*(each.format(folder=shell.folder) for each in arguments))
    assert (ran.code, ran.out) == (2, "")
    assert ran.err


def test_3_not_signed_in(shell: Shell) -> None:
    del shell.environment["WAYBILL_TOKEN"]
    ran = shell.run("ls")
    assert (ran.code, ran.out) == (3, "")
    assert "waybill login --url" in ran.err


@pytest.mark.parametrize("command", [["ls"], ["upload", "a.txt"], ["rm", NO_FILE], ["get", NO_FILE]])
def test_3_a_token_that_is_not_trusted(shell: Shell, command: list[str]) -> None:
    (shell.folder / "a.txt").write_text("a")
    shell.environment["WAYBILL_TOKEN"] += "x"
    ran = shell.run(*command)
    assert (ran.code, ran.out) == (3, "")
    assert "token" in ran.err
    [line] = shell.run(*command, "--json").json
    assert (line["outcome"], line["error"]["code"]) == ("failed", "unauthenticated")
    assert shell.environment["WAYBILL_TOKEN"] not in ran.err


@pytest.mark.parametrize("command", ["info", "rm", "restore", "get", "mv"])
def test_4_no_such_file(shell: Shell, command: str) -> None:
    ran = shell.run(command, NO_FILE, *["b.txt"] * (command == "mv"), "--json")
    assert ran.code == 4
    assert "The file does not exist" in ran.err
    assert [line["error"]["code"] for line in ran.json] == ["file_not_found"]


@pytest.mark.parametrize("command", ["rm", "get"])
def test_4_what_is_no_id_is_named_and_leads_nowhere_else(shell: Shell, command: str) -> None:
    ran = shell.run(command, "../usage", "..", "\udce9", NO_FILE, "--json")
    assert (ran.code, {line["error"]["code"] for line in ran.json}) == (4, {"file_not_found"})
    assert "\\xe9: The file does not exist: this is not an id." in ran.err


def test_5_a_server_that_does_not_answer(shell: Shell) -> None:
    shell.environment["WAYBILL_URL"] = f"http://127.0.0.1:{free_port()}"
    ran = shell.run("ls")
    assert ran.code == 5
    [line] = shell.run("ls", "--json").json
    assert (line["outcome"], line["id"], line["error"]["code"]) == ("failed", None, "unreachable")
    assert f"{shell.environment['WAYBILL_URL']} does not answer: connection refused." in ran.err


def test_1_some_of_several(shell: Shell) -> None:
    for name in ("good.txt", "bad\nname.txt"):
        (shell.folder / name).write_text(name)
    ran = shell.run("upload", *shell.folder.glob("*.txt"), "--json")
    assert ran.code == 1
    outcomes = {Path(line["path"]).name: line for line in ran.json}
    assert outcomes["good.txt"]["outcome"] == "uploaded"
    bad = outcomes["bad\nname.txt"]
    assert (bad["outcome"], bad["file"], bad["error"]["code"]) == ("failed", None, "invalid_input")
    assert "name" in bad["error"]["fields"]
    # A name of any characters is printed on one line.
    assert len(ran.err.splitlines()) == 2
    assert shell.run("rm", *shell.ids(), NO_FILE).code == 1


def test_141_a_reader_that_has_closed_the_pipe(shell: Shell) -> None:
    (shell.folder / "a.txt").write_text("a")
    shell.run("upload", shell.folder / "a.txt")
    with shell.started("ls") as process:
        assert process.stdout is not None
        process.stdout.close()
        assert process.wait(30) == 141
        assert process.stderr is not None
        assert process.stderr.read() == ""


def test_bars_are_on_a_terminal_and_lines_on_stdout(shell: Shell) -> None:
    (shell.folder / "a.txt").write_text("a")
    ours, theirs = pty.openpty()
    with shell.started("upload", "a.txt", "--json", stderr=theirs) as process:
        os.close(theirs)
        seen = b""
        try:
            while piece := os.read(ours, 65536):
                seen += piece
        except OSError:
            pass  # so the reader sees the end of the pipe
        out = process.communicate(timeout=120)[0]
    os.close(ours)
    assert b"hashing a.txt" in seen or b"sending a.txt" in seen or b"verifying a.txt" in seen
    assert out.startswith('{"outcome":"uploaded","id":"')
    assert process.returncode == 0


def test_completion_is_there_for_each_shell(shell: Shell) -> None:
    (shell.folder / "a.txt").write_text("a")
    shell.run("upload", "a.txt")
    [file_id] = shell.ids()
    shell.environment |= {
        "_WAYBILL_COMPLETE": "complete_bash",
        "COMP_WORDS": f"waybill info {file_id[:3]}",
        "COMP_CWORD": "2",
    }
    with shell.started(stderr=subprocess.DEVNULL) as process:
        assert file_id in process.communicate(timeout=120)[0]
