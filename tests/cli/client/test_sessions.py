"""Which server a command asks, and with which token."""

import json
import os
import shutil
import stat
from dataclasses import asdict
from pathlib import Path

import pytest

from cli.client.credentials import credentials_path
from stack.folder import Folder
from stack.stack import Stack
from tests.cli.client.shell import Shell
from tests.service import Service, free_port, running_service


@pytest.fixture
def stranger(tmp_path: Path) -> Shell:
    """A shell without the address of a server."""
    return Shell(tmp_path)


def test_who_has_signed_in_need_name_nothing_more(stranger: Shell, service: Service, owner: str) -> None:
    token = service.token(owner)
    signed_in = stranger.run("login", "--url", f"{service.address}/", typed=f"{token}\n")
    assert signed_in.code == 0
    assert f"Signed in at {service.address} as {owner}: 0 files" in signed_in.out
    assert token not in signed_in.out + signed_in.err
    credentials = stranger.folder / "config" / "waybill" / "logins.json"
    assert stat.S_IMODE(credentials.stat().st_mode) == 0o600
    assert stat.S_IMODE(credentials.parent.stat().st_mode) == 0o700
    assert stranger.run("ls").code == 0
    assert stranger.run("logout").code == 0
    assert token not in credentials.read_text()
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
    credentials = stranger.folder / "config" / "waybill" / "logins.json"
    credentials.parent.mkdir(parents=True)
    credentials.write_text("{")
    assert stranger.run("ls").code == 3
    assert stranger.run("login", "--url", service.address, typed=service.token(owner)).code == 0
    assert json.loads(credentials.read_text())["current"] == service.address


def test_beside_an_embedded_stack_a_newcomer_needs_nothing(
    stranger: Shell, service: Service, stack: Stack
) -> None:
    (stranger.folder / ".waybill").symlink_to(stack.folder)
    Folder(stack.folder).write_address(service.address)
    (stranger.folder / "a.txt").write_text("a")
    sent = stranger.run("upload", "a.txt", "--json")
    assert sent.code == 0
    assert sent.json[0]["file"]["id"] in stranger.ids()


def test_the_embedded_token_is_as_its_server_demands_it(stranger: Shell, stack: Stack) -> None:
    """The server has these settings in its environment, and the commands do not."""
    folder = Folder(stranger.folder / ".waybill")
    folder.make()
    shutil.copy(stack.folder / "secrets.json", folder.path)
    demanded = {"jwt_issuer": "https://id.example.com/", "jwt_audience": "files", "jwt_max_lifetime": "600"}
    with running_service(stack, jwt_require_exp="true", **demanded) as service:
        folder.write_address(service.address)
        assert stranger.run("ls").code == 3
        # As `waybill up` does.
        folder.write_token_rules(asdict(service.settings.token_rules))
        assert stranger.run("ls").code == 0
        token = stranger.run("token", "--sub", "alice").out
        assert stranger.run("login", "--url", service.address, typed=token).code == 0


def test_the_embedded_token_stays_on_this_machine(stranger: Shell, stack: Stack) -> None:
    (stranger.folder / ".waybill").symlink_to(stack.folder)
    assert stranger.run("ls", "--url", "http://files.example.com").code == 3


def test_an_unencrypted_way_is_warned_of(stranger: Shell) -> None:
    warned = stranger.run("login", "--url", "http://waybill.invalid", "--token", "x")
    assert "others on the network can read the token" in warned.err
    assert "Other users of this machine can see --token" in warned.err
    assert warned.code == 5


def test_logins_are_at_home_unless_told_otherwise(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.delenv("XDG_CONFIG_HOME", raising=False)
    monkeypatch.setenv("HOME", str(tmp_path))
    assert credentials_path() == tmp_path / ".config" / "waybill" / "logins.json"


def test_no_token_is_said_so(stranger: Shell, service: Service) -> None:
    for arguments in (["--token", ""], ["--token", " "], ["--token", "-"], []):
        refused = stranger.run("login", "--url", service.address, *arguments)
        assert (refused.code, refused.out) == (3, "")
        assert "The token is empty" in refused.err
    refused = stranger.run("login", "--url", service.address, typed="two words\n")
    assert (refused.code, "The token has a space" in refused.err) == (2, True)
    stranger.environment |= {"WAYBILL_URL": service.address, "WAYBILL_TOKEN": "two words"}
    assert stranger.run("ls").code == 2


def test_logins_are_listed_without_their_tokens(
    stranger: Shell, service: Service, owner: str, tmp_path: Path
) -> None:
    assert "Not signed in" in stranger.run("login", "--list").err
    token = service.token(owner)
    here, there = service.address, service.address.replace("127.0.0.1", "localhost")
    for url in (there, here):
        assert stranger.run("login", "--url", url, "--token", "-", typed=f"{token}\n").code == 0
    listed = stranger.run("login", "--list", "--json")
    assert token not in listed.out
    assert [(line["url"], line["owner"], line["current"]) for line in listed.json] == [
        (there, owner, False),
        (here, owner, True),
    ]
    assert all(line["expiresAt"].endswith("Z") for line in listed.json)
    assert f"* {here}  {owner}  expires " in stranger.run("login", "--list").out
    # What is used from now on is said.
    assert f"Commands now use {there}." in stranger.run("logout").out
    refused = stranger.run("logout", "--url", here)
    assert (refused.code, refused.err) == (3, f"waybill: Not signed in at {here}.\n")
    assert "Commands now use" not in stranger.run("logout", "--url", f"{there}/").out


def test_without_a_home_uploads_are_remembered_elsewhere(shell: Shell) -> None:
    """It is said once, and not by each command."""
    for name in ("a", "b"):
        (shell.folder / name).write_text(name)
    temporary = shell.folder / "tmp"
    temporary.mkdir()
    # Nothing can be written there, not even by root.
    shell.environment |= {"XDG_STATE_HOME": "/proc", "TMPDIR": str(temporary)}
    remembered = temporary / f"waybill-{os.getuid()}"
    with shell.started("upload", "a") as process:
        _, first = process.communicate(timeout=60)
    with shell.started("upload", "b", "-q") as process:
        _, second = process.communicate(timeout=60)
    assert first.startswith(f"waybill: Open uploads are stored in {remembered}")
    assert second == ""
    assert stat.S_IMODE(remembered.stat().st_mode) == 0o700
    # Another user could read it.
    remembered.chmod(0o755)
    with shell.started("upload", "b", "-q") as process:
        _, third = process.communicate(timeout=60)
    assert "Uploads cannot be stored for resuming" in third
    assert process.returncode == 0


def test_without_any_home_logins_need_a_folder(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("XDG_CONFIG_HOME", raising=False)
    monkeypatch.setattr(Path, "home", _no_home)
    with pytest.raises(OSError, match="Set HOME or XDG_CONFIG_HOME"):
        credentials_path()


def _no_home() -> Path:
    raise RuntimeError("Could not determine home directory.")


def test_credentials_in_netrc_are_for_other_programs(shell: Shell, tmp_path: Path) -> None:
    netrc = tmp_path / "netrc"
    netrc.write_text("default login alice password secret\n")
    shell.environment["NETRC"] = str(netrc)
    (tmp_path / "a.txt").write_text("a")
    uploaded = shell.run("upload", "-q", tmp_path / "a.txt")
    assert (uploaded.code, uploaded.err) == (0, "")
    assert shell.run("get", uploaded.out.strip(), "-o", tmp_path / "b.txt").code == 0
