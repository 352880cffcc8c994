"""Which server a command asks, and with which token."""

import json
import stat
from pathlib import Path

import pytest

from cli.client.logins import place
from stack.folder import Folder
from stack.stack import Stack
from tests.cli.client.shell import Shell
from tests.service import Service, free_port


@pytest.fixture
def stranger(tmp_path: Path) -> Shell:
    """Of somebody who has named nothing."""
    return Shell(tmp_path)


def test_who_has_signed_in_need_name_nothing_more(stranger: Shell, service: Service, owner: str) -> None:
    token = service.token(owner)
    signed_in = stranger.run("login", "--url", f"{service.address}/", typed=f"{token}\n")
    assert signed_in.code == 0
    assert f"Signed in at {service.address} as {owner}: 0 files" in signed_in.out
    assert token not in signed_in.out + signed_in.err
    kept = stranger.folder / "config" / "waybill" / "logins.json"
    assert stat.S_IMODE(kept.stat().st_mode) == 0o600
    assert stat.S_IMODE(kept.parent.stat().st_mode) == 0o700
    assert stranger.run("ls").code == 0
    assert stranger.run("logout").code == 0
    assert token not in kept.read_text()
    assert (stranger.run("ls").code, stranger.run("logout").code) == (3, 3)


def test_a_token_that_is_not_trusted_is_not_kept(stranger: Shell, service: Service) -> None:
    refused = stranger.run("login", "--url", service.address, "--token", "no.such.token")
    assert refused.code == 3
    assert not (stranger.folder / "config").exists()


def test_a_token_goes_to_no_other_server(stranger: Shell, service: Service, owner: str) -> None:
    stranger.run("login", "--url", service.address, typed=service.token(owner))
    elsewhere = f"http://127.0.0.1:{free_port()}"
    refused = stranger.run("ls", "--url", elsewhere)
    assert refused.code == 3
    assert f"Not signed in at {elsewhere}" in refused.err


def test_a_spoilt_file_of_logins_counts_as_none(stranger: Shell, service: Service, owner: str) -> None:
    kept = stranger.folder / "config" / "waybill" / "logins.json"
    kept.parent.mkdir(parents=True)
    kept.write_text("{")
    assert stranger.run("ls").code == 3
    assert stranger.run("login", "--url", service.address, typed=service.token(owner)).code == 0
    assert json.loads(kept.read_text())["current"] == service.address


def test_beside_an_embedded_stack_a_newcomer_needs_nothing(
    stranger: Shell, service: Service, stack: Stack
) -> None:
    (stranger.folder / ".waybill").symlink_to(stack.folder)
    Folder(stack.folder).write_address(service.address)
    (stranger.folder / "a.txt").write_text("a")
    sent = stranger.run("upload", "a.txt", "--json")
    assert sent.code == 0
    assert sent.json[0]["file"]["id"] in stranger.ids()


def test_the_embedded_token_stays_on_this_machine(stranger: Shell, stack: Stack) -> None:
    (stranger.folder / ".waybill").symlink_to(stack.folder)
    assert stranger.run("ls", "--url", "http://files.example.com").code == 3


def test_an_unencrypted_way_is_warned_of(stranger: Shell) -> None:
    warned = stranger.run("login", "--url", "http://waybill.invalid", "--token", "x")
    assert "everybody on the way can read the token" in warned.err
    assert warned.code == 5


def test_logins_are_at_home_unless_told_otherwise(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.delenv("XDG_CONFIG_HOME", raising=False)
    monkeypatch.setenv("HOME", str(tmp_path))
    assert place() == tmp_path / ".config" / "waybill" / "logins.json"
