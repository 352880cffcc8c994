"""What was stopped goes on where it stopped, and what was deleted comes back."""

import hashlib
import os
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest

from stack.stack import Stack
from tests.cli.client.shell import Shell
from tests.cli.client.terminal import terminal
from tests.relay import Relay
from tests.service import Service, running_service

PART = 16 * 1024**2


@pytest.fixture(scope="module")
def wired(stack: Stack, wire: Relay) -> Iterator[Service]:
    """A service whose URLs lead over the wire, and which has a trash."""
    with running_service(stack, s3_public_endpoint_url=wire.address, purge_delay="3600") as running:
        yield running


def puts(wire: Relay) -> list[int]:
    """The numbers of the parts that were begun, in their order."""
    lines = [line for line in wire.requests if line.startswith("PUT") and "partNumber=" in line]
    return [int(line.split("partNumber=")[1].split("&")[0].split(" ")[0]) for line in lines]


@pytest.mark.parametrize("how", [signal.SIGKILL, signal.SIGINT])
def test_parts_that_arrived_are_not_sent_again(
    how: signal.Signals, wired: Service, wire: Relay, owner: str, tmp_path: Path
) -> None:
    shell = Shell(tmp_path, WAYBILL_URL=wired.address, WAYBILL_TOKEN=wired.token(owner))
    content = os.urandom(3 * PART + 1000)
    source = tmp_path / "big.bin"
    source.write_bytes(content)
    wire.requests.clear()
    with (
        wire.holding("partNumber=3") as hold,
        shell.started("upload", source, "--multipart", "--parallel", "1") as process,
    ):
        assert hold.has_one.wait(60)
        process.send_signal(how)
        out, err = process.communicate(timeout=120)
    assert puts(wire) == [1, 2, 3]
    assert out == ""
    if how is signal.SIGINT:
        assert process.returncode == 130
        assert "run the same command again to continue" in err
    [requested] = shell.run("ls", "--json").json
    assert requested["status"] == "PENDING"
    source.touch()  # its content is what counts
    wire.requests.clear()
    ran = shell.run("upload", source, "--json")
    assert ran.code == 0, ran.err
    [line] = ran.json
    assert (line["outcome"], line["file"]["id"]) == ("uploaded", requested["id"])
    assert line["file"]["sha256"] == hashlib.sha256(content).hexdigest()
    assert sorted(puts(wire)) == [3, 4]


def test_what_has_expired_or_was_deleted_meanwhile_begins_anew(
    wired: Service, wire: Relay, owner: str, tmp_path: Path
) -> None:
    shell = Shell(tmp_path, WAYBILL_URL=wired.address, WAYBILL_TOKEN=wired.token(owner))
    source = tmp_path / "small.bin"
    source.write_bytes(b"small")
    with wire.holding("PUT /") as hold, shell.started("upload", source):
        assert hold.has_one.wait(60)
    [begun] = shell.ids()
    assert shell.run("rm", begun).code == 0
    [line] = shell.run("upload", source, "--json").json
    assert (line["outcome"], line["file"]["status"]) == ("uploaded", "COMPLETED")
    assert line["file"]["id"] != begun


@pytest.mark.parametrize("how", [signal.SIGKILL, signal.SIGINT])
def test_a_batch_that_was_stopped_goes_on_and_leaves_nothing(
    how: signal.Signals, wired: Service, wire: Relay, owner: str, tmp_path: Path
) -> None:
    shell = Shell(tmp_path, WAYBILL_URL=wired.address, WAYBILL_TOKEN=wired.token(owner))
    folder = tmp_path / "many"
    folder.mkdir()
    for number in range(30):
        (folder / f"{number}.bin").write_bytes(os.urandom(100))
    with wire.holding("PUT /") as hold, shell.started("upload", "-r", folder) as process:
        assert hold.has_one.wait(60)
        process.send_signal(how)
        out, _ = process.communicate(timeout=120)
    assert out == ""
    begun = shell.ids("--status", "PENDING")
    assert len(begun) == 30
    lines = shell.run("upload", "-r", folder, "--json").json
    assert {line["outcome"] for line in lines} == {"uploaded"}
    assert sorted(line["id"] for line in lines) == sorted(begun)
    assert sorted(shell.ids("--status", "COMPLETED")) == sorted(begun)


def test_a_download_goes_on_where_it_stopped(wired: Service, wire: Relay, owner: str, tmp_path: Path) -> None:
    shell = Shell(tmp_path, WAYBILL_URL=wired.address, WAYBILL_TOKEN=wired.token(owner))
    content = os.urandom(1_000_000)
    source, target = tmp_path / "a.bin", tmp_path / "b.bin"
    source.write_bytes(content)
    file_id = shell.run("upload", source, "--json").json[0]["file"]["id"]
    half = tmp_path / f".{file_id}.waybill"
    half.write_bytes(content[:600_000])
    before = wire.carried
    assert shell.run("get", file_id, "-o", target).code == 0
    assert target.read_bytes() == content
    assert 400_000 <= wire.carried - before < 410_000
    assert not half.exists()


def test_half_a_download_that_is_another_file_is_thrown_away(shell: Shell) -> None:
    source, target = shell.folder / "a.bin", shell.folder / "b.bin"
    source.write_bytes(b"right")
    file_id = shell.run("upload", source, "--json").json[0]["file"]["id"]
    (shell.folder / f".{file_id}.waybill").write_bytes(b"wro")
    ran = shell.run("get", file_id, "-o", target, "--json")
    assert (ran.code, ran.json[0]["error"]["code"], target.exists()) == (1, "content_changed", False)
    assert shell.run("get", file_id, "-o", target).code == 0
    assert target.read_bytes() == b"right"


def test_a_file_goes_to_the_trash_and_comes_back(wired: Service, owner: str, tmp_path: Path) -> None:
    shell = Shell(tmp_path, WAYBILL_URL=wired.address, WAYBILL_TOKEN=wired.token(owner))
    (tmp_path / "a.txt").write_text("a")
    shell.run("upload", "a.txt")
    [file_id] = shell.ids()
    [deleted] = shell.run("rm", file_id, "--json").json
    assert (deleted["outcome"], deleted["id"]) == ("deleted", file_id)
    assert deleted["file"]["deletedAt"] is not None
    assert (shell.ids(), shell.ids("--trash")) == ([], [file_id])
    assert shell.run("get", file_id).code == 1
    restored = shell.run("restore", file_id)
    assert (restored.code, restored.out) == (0, f"restored {file_id}  a.txt\n")
    assert (shell.ids(), shell.ids("--trash")) == ([file_id], [])


def test_phases_are_named_a_stall_is_said_and_ctrl_c_leaves_nothing(
    wired: Service, wire: Relay, owner: str, tmp_path: Path
) -> None:
    shell = Shell(tmp_path, WAYBILL_URL=wired.address, WAYBILL_TOKEN=wired.token(owner))
    name = "a-name-that-is-longer-than-the-line.bin"
    (shell.folder / name).write_bytes(os.urandom(20_000_000))
    with wire.holding("PUT /"), terminal(shell, "upload", name) as shown:
        shown.read_until("sending a-name-that")
        shown.read_until("waiting for the server (")
        # One line for the file and one for the server, with any name.
        assert len(shown.lines) == 2
        assert "hashing" not in " ".join(shown.lines)
        shown.process.send_signal(signal.SIGINT)
        shown.read_all()
        assert shown.process.wait(60) == 130
    assert shown.lines[0] == "waybill: Stopped. The server stores the"
    assert "sending" not in " ".join(shown.lines)
