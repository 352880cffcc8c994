"""Whole folders that are moved and deleted."""

import os
import pty

import pytest

from tests.cli.client.shell import Shell
from tests.cli.client.terminal import terminal


@pytest.fixture
def photos(shell: Shell) -> Shell:
    """A shell with three files in a folder, and one beside it."""
    for path in ("photos/a.txt", "photos/2026/b.txt", "photos/2026/c.txt", "photos.txt"):
        (shell.folder / path).parent.mkdir(parents=True, exist_ok=True)
        (shell.folder / path).write_text(path)
    assert shell.run("upload", "-r", shell.folder / "photos", shell.folder / "photos.txt", "-q").code == 0
    return shell


def paths(shell: Shell) -> set[str]:
    return {file["folder"] + file["name"] for file in shell.run("ls", "--json").json}


ALL = {"photos/a.txt", "photos/2026/b.txt", "photos/2026/c.txt", "photos.txt"}


def test_a_folder_moves_with_its_tree(photos: Shell) -> None:
    moved = photos.run("mv", "photos/", "archive/photos/")
    assert (moved.code, moved.out, moved.err) == (0, "moved 3 files to archive/photos/\n", "")
    archived = {"archive/photos/a.txt", "archive/photos/2026/b.txt", "archive/photos/2026/c.txt"}
    assert paths(photos) == archived | {"photos.txt"}
    [operation] = photos.run("mv", "archive/photos/", "/", "--json").json
    assert (operation["kind"], operation["status"], operation["done"]) == ("MOVE_FOLDER", "DONE", 3)
    assert paths(photos) == {"a.txt", "2026/b.txt", "2026/c.txt", "photos.txt"}
    assert photos.run("mv", "2026/", "2027/", "-q").out == ""


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        (["mv", "none/", "other/"], 4),
        (["rm", "-r", "none/", "--yes"], 4),
        (["mv", "photos/", "photos/x/"], 1),
        (["mv", "photos/", "x"], 2),
        (["mv", "photos/"], 2),
        (["mv", "photos/", "x/", "--folder", "y/"], 2),
        (["mv", "/", "x/"], 2),
        (["mv", "a//b/", "x/"], 2),
        (["rm", "-r", "/", "--yes"], 2),
        (["rm", "-r", "photos/", "none/", "--yes"], 2),
        # Not asked, and so not deleted.
        (["rm", "-r", "photos/"], 2),
    ],
)
def test_what_cannot_be_changes_nothing(photos: Shell, arguments: list[str], code: int) -> None:
    ran = photos.run(*arguments)
    assert (ran.code, ran.out, ran.err == "") == (code, "", False)
    assert paths(photos) == ALL


def test_a_move_that_fails_says_why(photos: Shell) -> None:
    failed = photos.run("mv", "photos/", "x" * 1020 + "/", "--json")
    [line] = failed.json
    assert (failed.code, line["error"]["code"]) == (1, "operation_failed")
    assert "FOLDER_TOO_LONG" in failed.err
    assert paths(photos) == ALL


def test_a_folder_is_deleted_with_its_tree(photos: Shell) -> None:
    planned = photos.run("rm", "-r", "photos", "--dry-run", "--json")
    assert {line["outcome"] for line in planned.json} == {"would_delete"}
    assert len(planned.json) == 3
    assert paths(photos) == ALL
    some = photos.run("rm", "-r", "photos", "--name", "b", "--yes", "--json")
    assert [line["outcome"] for line in some.json] == ["deleted"]
    assert paths(photos) == ALL - {"photos/2026/b.txt"}
    deleted = photos.run("rm", "-r", "photos", "--yes")
    assert (deleted.code, deleted.out) == (0, "deleted 2 files\n")
    assert paths(photos) == {"photos.txt"}


@pytest.mark.parametrize(("answer", "code", "left"), [("n\n", 1, ALL), ("y\n", 0, {"photos.txt"})])
def test_a_folder_is_deleted_if_the_user_agrees(
    photos: Shell, answer: str, code: int, left: set[str]
) -> None:
    ours, theirs = pty.openpty()
    with photos.started("rm", "-r", "photos/", stdin=theirs) as process:
        os.write(ours, answer.encode())
        _, err = process.communicate(timeout=60)
    assert "Delete photos/ with 3 files?" in err
    assert process.returncode == code
    assert paths(photos) == left


def test_progress_is_shown_on_a_terminal(photos: Shell) -> None:
    with terminal(photos, "mv", "photos/", "archive/") as shown:
        shown.read_all()
        assert shown.process.wait(60) == 0
        assert any("moved 3 files to archive/" in line for line in shown.lines)
    assert "archive/a.txt" in paths(photos)
