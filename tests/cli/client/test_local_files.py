"""What an upload cannot send is named once, and does not stop the other files."""

import ctypes
import os
import socket
from pathlib import Path

import pytest

from tests.cli.client.shell import Shell

#: Source: prctl(2), capabilities(7).
PR_CAPBSET_DROP, CAP_DAC_OVERRIDE, CAP_DAC_READ_SEARCH = 24, 1, 2


def obey_modes() -> None:
    """Make the program that this process becomes obey the modes of files, even as root."""
    for capability in (CAP_DAC_OVERRIDE, CAP_DAC_READ_SEARCH):
        ctypes.CDLL(None).prctl(PR_CAPBSET_DROP, capability)


@pytest.fixture
def folder(shell: Shell) -> Path:
    """A folder with one good file."""
    (shell.folder / "in").mkdir()
    (shell.folder / "in" / "good.txt").write_text("good")
    return shell.folder / "in"


def test_a_name_that_is_not_utf_8_is_named_and_the_others_are_sent(shell: Shell, folder: Path) -> None:
    bad = os.fsencode(folder) + b"/latin1-\xe9.txt"
    Path(os.fsdecode(bad)).write_text("bad")
    named = f"{folder}/latin1-\\xe9.txt"
    ran = shell.run("upload", "-r", folder, "--json")
    assert (ran.code, ran.err.count(named)) == (1, 1)
    outcomes = {line["path"]: line["outcome"] for line in ran.json}
    assert outcomes == {str(folder / "good.txt"): "uploaded", named: "failed"}
    [sent] = shell.run("upload", os.fsdecode(bad), "--name", "good-too.txt", "--json").json
    assert (sent["path"], sent["file"]["name"]) == (named, "good-too.txt")


def test_a_home_and_a_folder_that_are_not_utf_8_are_used(shell: Shell) -> None:
    folder = Path(os.fsdecode(os.fsencode(shell.folder) + b"/\xe9"))
    folder.mkdir()
    (folder / "a.txt").write_text("a")
    shell.environment |= {"XDG_STATE_HOME": str(folder / "state"), "XDG_CONFIG_HOME": str(folder / "config")}
    shell.folder = folder
    [sent] = shell.run("upload", "-r", ".", "--exclude", "*.sqlite*", "--json").json
    got = shell.run("get", sent["id"], "-o", f"{folder}/x/")
    assert (got.code, "\\xe9/x/a.txt" in got.out) == (0, True), got.err
    assert (folder / "x" / "a.txt").read_text() == "a"
    assert (folder / "state" / "waybill").is_dir()


def test_what_is_no_file_is_named(shell: Shell, folder: Path) -> None:
    os.mkfifo(folder / "pipe")
    (folder / "loop").symlink_to("loop")
    (folder / "here").symlink_to(".")
    (folder / "nowhere").symlink_to("missing")
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(folder / "s"))
    ran = shell.run("upload", "-r", folder)
    assert (ran.code, len(ran.out.splitlines())) == (1, 1)
    errors = ran.err.splitlines()
    assert errors.pop().startswith("waybill: 6 files: 1 uploaded to ")
    assert sorted(errors) == [
        f"waybill: {folder}/here: This is a link to a folder, which is not followed. Name the folder itself.",
        f"waybill: {folder}/loop: Too many levels of symbolic links.",
        f"waybill: {folder}/nowhere: No such file or directory.",
        f"waybill: {folder}/pipe: This is a pipe, not a file.",
        f"waybill: {folder}/s: This is a socket, not a file.",
    ]
    # Only what the patterns admit, and what may hold such files.
    shown = shell.run("upload", "-r", folder, "--include", "*.txt", "--dry-run", "--json")
    outcomes = {Path(line["path"]).name: line["outcome"] for line in shown.json}
    assert (shown.code, outcomes) == (1, {"good.txt": "would_upload", "here": "failed"})


@pytest.mark.parametrize("what", ["/dev/null", "empty", "loop"])
def test_nothing_to_send_is_said(shell: Shell, what: str) -> None:
    (shell.folder / "empty").mkdir()
    (shell.folder / "loop").symlink_to("loop")
    ran = shell.run("upload", "-r", what, "--json")
    assert (ran.code, ran.json[0]["path"], ran.err.count(f"{what}: ")) == (1, what, 1)


def test_a_path_that_is_missing_does_not_stop_the_others(shell: Shell, folder: Path) -> None:
    ran = shell.run("upload", folder / "good.txt", "missing", "--json")
    assert {line["path"]: line["outcome"] for line in ran.json} == {
        str(folder / "good.txt"): "uploaded",
        "missing": "failed",
    }
    assert (ran.code, ran.err.count("missing: No such file or directory.")) == (1, 1)


def test_what_may_not_be_read_does_not_stop_the_others(shell: Shell, folder: Path) -> None:
    (folder / "locked").mkdir(mode=0)
    (folder / "secret.txt").touch(mode=0)
    with shell.started("upload", "-r", "in", preexec_fn=obey_modes) as process:
        out, err = process.communicate(timeout=60)
    (folder / "locked").chmod(0o700)
    assert (process.returncode, out.split()[-1:]) == (1, ["in/good.txt"]), err
    assert sorted(err.splitlines())[1:] == [
        "waybill: in/locked: Permission denied.",
        "waybill: in/secret.txt: Permission denied.",
    ]
