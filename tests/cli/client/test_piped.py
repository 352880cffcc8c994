"""What comes out of a pipe is uploaded as a file."""

import hashlib
import os
import signal
import subprocess

import pytest

from tests.cli.client.shell import Shell


def test_standard_input_is_sent_under_a_name(shell: Shell) -> None:
    content = os.urandom(200_000)
    with shell.started("upload", "-", "--name", "a.bin", "-q", text=False, stdin=subprocess.PIPE) as process:
        out, err = process.communicate(content, timeout=60)
    assert (process.returncode, err) == (0, b"")
    [file] = shell.run("ls", "--json").json
    assert (file["id"], file["name"]) == (out.decode().strip(), "a.bin")
    assert file["sha256"] == hashlib.sha256(content).hexdigest()


def test_a_named_pipe_waits_for_its_writer(shell: Shell) -> None:
    pipe = shell.folder / "pipe"
    os.mkfifo(pipe)
    with shell.started("upload", pipe) as process:
        with pipe.open("wb") as writer:  # waits for the reader
            writer.write(b"late")
        assert process.wait(60) == 0
    [file] = shell.run("ls", "--json").json
    assert (file["name"], file["size"]) == ("pipe", 4)


def test_ctrl_c_ends_the_wait_for_a_writer(shell: Shell) -> None:
    pipe = shell.folder / "pipe"
    os.mkfifo(pipe)
    shell.environment["TMPDIR"] = str(shell.folder)
    # Opening it waits for the reader. The writer then stays.
    with shell.started("upload", pipe) as process, pipe.open("wb"):
        process.send_signal(signal.SIGINT)
        assert process.wait(60) == 130
    assert {path.name for path in shell.folder.iterdir()} <= {"pipe", "state", "config"}


@pytest.mark.parametrize("has_name", [True, False])
def test_a_pipe_that_has_no_name_needs_one(shell: Shell, has_name: bool) -> None:
    reader, writer = os.pipe()
    os.write(writer, b"hi")
    os.close(writer)
    name = ["--name", "a.txt"] * has_name
    with shell.started("upload", f"/dev/fd/{reader}", *name, pass_fds=[reader]) as process:
        err = process.communicate(timeout=60)[1]
    os.close(reader)
    assert (process.returncode, "has no name: add --name" in err) == ((0, False) if has_name else (2, True))
    assert shell.run("upload", "-").code == 2
