"""The small files of a data folder."""

import json
import stat
from pathlib import Path

import pytest

from stack.errors import StackError
from stack.folder import Folder, write_private
from stack.locks import UpLock
from stack.stack import Stack


@pytest.fixture
def made(folder: Path) -> Folder:
    made = Folder(folder)
    made.make()
    return made


def test_secrets_are_made_once_and_kept(made: Folder, folder: Path) -> None:
    first = made.read_or_make_secrets()
    assert Folder(folder).read_or_make_secrets() == first


def test_two_folders_share_no_secret(tmp_path: Path) -> None:
    folders = [Folder(tmp_path / name) for name in ("one", "two")]
    for folder in folders:
        folder.make()
    one, two = (vars(folder.read_or_make_secrets()).values() for folder in folders)
    assert not set(one) & set(two)


def test_a_spoilt_secrets_file_is_named_rather_than_replaced(made: Folder, folder: Path) -> None:
    (folder / "secrets.json").write_text("{}")
    with pytest.raises(StackError, match=r"secrets\.json is damaged \(KeyError"):
        made.read_or_make_secrets()


def test_a_private_file_replaces_what_a_crash_left_half_written(tmp_path: Path) -> None:
    half = tmp_path / "secrets.json.new"
    half.write_text("half")
    half.chmod(0o644)
    write_private(tmp_path / "secrets.json", "whole")
    assert [path.name for path in tmp_path.iterdir()] == ["secrets.json"]
    assert stat.S_IMODE((tmp_path / "secrets.json").stat().st_mode) == 0o600
    assert (tmp_path / "secrets.json").read_text() == "whole"


def test_a_spoilt_ports_file_counts_as_none(made: Folder, folder: Path) -> None:
    (folder / "ports.json").write_text("[1, 2")
    assert made.read_ports() == {}


def test_an_open_folder_is_closed_to_others(folder: Path) -> None:
    folder.mkdir(mode=0o755)
    Folder(folder).make()
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700


def test_a_folder_that_cannot_be_made_is_named(tmp_path: Path) -> None:
    (tmp_path / "data").write_text("")
    with pytest.raises(StackError, match=f"cannot create the data folder {tmp_path}/data"):
        Folder(tmp_path / "data").make()


def test_the_keys_of_a_running_older_release_stay_as_they_are(tmp_path: Path) -> None:
    folder = Folder(tmp_path)
    folder.write_ports({"mongod": 1, "valkey": 2, "s3": 3})
    older = dict.fromkeys(("jwt_secret", "redis_password", "s3_access_key", "s3_secret_key"), "secret")
    path = tmp_path / "secrets.json"
    path.write_text(json.dumps(older))
    lock = UpLock(folder.up_lock)
    with pytest.raises(StackError, match="older release"):
        Stack.env_of_running(tmp_path)
    lock.release()
    assert json.loads(path.read_text()) == older
