"""`waybill get`: each file whole at its place, or named on stderr."""

import os
import resource
import subprocess
from pathlib import Path

import pytest

from tests.cli.client.shell import Shell
from waybill.client import Client


def sent(shell: Shell, content: bytes, name: str) -> str:
    """Upload some bytes under a name, and return the id."""
    source = shell.folder / "source"
    source.write_bytes(content)
    [line] = shell.run("upload", source, "--name", name, "--json").json
    return str(line["file"]["id"])


def test_of_two_files_of_one_name_one_is_saved_and_the_other_named(shell: Shell) -> None:
    one, two = sent(shell, b"one", "a.txt"), sent(shell, b"two", "a.txt")
    contents = {one: "one", two: "two"}
    for options in ([], ["--force"]):
        folder = shell.folder / f"out{len(options)}"
        ran = shell.run("get", one, two, "-o", f"{folder}/", "--json", *options)
        assert ran.code == 1
        [saved] = [line for line in ran.json if line["error"] is None]
        [refused] = [line for line in ran.json if line["error"] is not None]
        assert "exists and has other content" in refused["error"]["detail"]
        assert {path.name: path.read_text() for path in folder.iterdir()} == {"a.txt": contents[saved["id"]]}
    # A new command may overwrite.
    assert shell.run("get", refused["id"], "-o", f"{folder}/", "--force").code == 0
    assert (folder / "a.txt").read_text() == contents[refused["id"]]


def test_a_file_that_is_named_twice_is_fetched_once(shell: Shell) -> None:
    file_id = sent(shell, b"once", "a.txt")
    ran = shell.run("get", file_id, file_id, "-o", "out/")
    assert (ran.code, len(ran.out.splitlines())) == (0, 1)


def test_a_duplicate_and_its_original_come_at_once_each_under_its_name(shell: Shell) -> None:
    original = sent(shell, b"same", "a.txt")
    with Client(shell.environment["WAYBILL_URL"], shell.environment["WAYBILL_TOKEN"]) as client:
        grant = client.request_upload("b.txt", 4)
        duplicate = client.wait(client.send(shell.folder / "source", grant).id)
    assert duplicate.status == "DUPLICATE"
    ran = shell.run("get", duplicate.id, original, "-o", "out/")
    assert ran.code == 0, ran.err
    out = shell.folder / "out"
    assert {path.name: path.read_text() for path in out.iterdir()} == {"a.txt": "same", "b.txt": "same"}


def test_names_that_cannot_be_used_here_are_changed_and_that_is_said(shell: Shell) -> None:
    long, short = ("\u8a9e" * letters + ".pdf" for letters in (90, 83))
    hidden, too_long = sent(shell, b"alias ls=rm", ".bashrc"), sent(shell, b"long", long)
    # The second time both are there.
    for _ in range(2):
        ran = shell.run("get", hidden, too_long, "-o", "out/")
        assert ran.code == 0
        assert ".bashrc is saved as _bashrc" in ran.err
        assert f"{long} is saved as {short}" in ran.err
    names = {path.name for path in (shell.folder / "out").iterdir()}
    assert names == {"_bashrc", short}
    # A name that the user has chosen is taken as it is.
    assert shell.run("get", hidden, "-o", ".mine").code == 0
    assert (shell.folder / ".mine").read_text() == "alias ls=rm"


def test_a_folder_that_is_missing_is_made_if_there_is_something_to_save(shell: Shell) -> None:
    file_id = sent(shell, b"a", "a.txt")
    assert shell.run("get", "6b043f91342f2be4ee3195a4", "-o", "no/").code == 4
    assert not (shell.folder / "no").exists()
    assert shell.run("get", file_id, "-o", "new/folder/").code == 0
    assert (shell.folder / "new" / "folder" / "a.txt").read_text() == "a"
    in_a_file = shell.run("get", file_id, "-o", "source/")
    assert in_a_file.code == 1
    assert "source: Not a directory." in in_a_file.err
    nowhere = shell.run("get", file_id, "-o", "missing/b.txt")
    assert nowhere.code == 1
    assert "missing/b.txt: No such file or directory." in nowhere.err


def test_other_content_is_overwritten_on_demand_alone(shell: Shell) -> None:
    file_id = sent(shell, b"stored", "a.txt")
    mine = shell.folder / "mine.txt"
    mine.write_text("mine")
    refused = shell.run("get", file_id, "-o", mine)
    assert (refused.code, mine.read_text()) == (1, "mine")
    assert "or add --force" in refused.err
    link = shell.folder / "link"
    link.symlink_to("nowhere")
    assert shell.run("get", file_id, "-o", link).code == 1
    for target in (mine, link):
        assert shell.run("get", file_id, "-o", target, "--force").code == 0
        assert target.read_text() == "stored"
    assert not (shell.folder / "nowhere").exists()


def test_pipes_and_devices_get_the_bytes(shell: Shell) -> None:
    file_id = sent(shell, b"piped", "a.txt")
    assert shell.run("get", file_id, "-o", "/dev/null").code == 0
    assert Path("/dev/null").is_char_device()
    pipe = shell.folder / "pipe"
    os.mkfifo(pipe)
    with subprocess.Popen(["/bin/cat", pipe], stdout=subprocess.PIPE) as reader:
        assert shell.run("get", file_id, "-o", pipe).code == 0
        assert reader.communicate(timeout=60)[0] == b"piped"
    assert pipe.is_fifo()


def test_what_a_full_disk_leaves_is_named_and_goes_on(shell: Shell) -> None:
    content = os.urandom(3_000_000)
    file_id = sent(shell, content, "a.bin")
    target = shell.folder / "out" / "a.bin"

    def allow_a_megabyte() -> None:
        resource.setrlimit(resource.RLIMIT_FSIZE, (1_000_000, 1_000_000))

    with shell.started("get", file_id, "-o", "out/", preexec_fn=allow_a_megabyte) as process:
        out, err = process.communicate(timeout=60)
    part = f".{file_id}.waybill"
    assert (process.returncode, out) == (1, "")
    assert "out/a.bin: File too large. 1,000,000 of its bytes are stored in out/" + part in err
    assert [path.name for path in target.parent.iterdir()] == [part]
    assert shell.run("get", file_id, "-o", "out/").code == 0
    assert (target.read_bytes(), [path.name for path in target.parent.iterdir()]) == (content, ["a.bin"])


def test_a_part_that_is_another_name_of_a_file_is_not_written_to(shell: Shell) -> None:
    """A process that dies while it publishes a file leaves two names for it."""
    file_id = sent(shell, b"hello", "a.txt")
    precious = shell.folder / "precious"
    precious.write_bytes(b"he")
    os.link(precious, shell.folder / f".{file_id}.waybill")
    assert shell.run("get", file_id, "-o", "a.txt").code == 0
    assert ((shell.folder / "a.txt").read_bytes(), precious.read_bytes()) == (b"hello", b"he")


@pytest.mark.parametrize("output", ["-", "/dev/stdout"])
def test_a_file_goes_to_stdout(shell: Shell, output: str) -> None:
    assert shell.run("get", sent(shell, b"hello", "a.txt"), "-o", output).out == "hello"


def test_a_full_disk_behind_stdout_is_named(shell: Shell) -> None:
    file_id = sent(shell, b"hello", "a.txt")
    with Path("/dev/full").open("wb") as full, shell.started("get", file_id, "-o", "-", stdout=full) as ran:
        err = ran.communicate(timeout=60)[1]
    assert (ran.returncode, err) == (1, "waybill: standard output: No space left on device.\n")
