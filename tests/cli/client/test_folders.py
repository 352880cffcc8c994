"""Folders go up and come back with their paths."""

import os
import subprocess
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from tests.cli.client.shell import Shell

#: More files than one page of a list or one batch of requests has.
FOLDERS, FILES_EACH = 10, 12


def tree(root: Path) -> Path:
    """Write 120 files in 20 folders: 40 contents, each under three names in two folders."""
    contents = [os.urandom(100) for _ in range(40)]
    for number in range(FOLDERS * FILES_EACH):
        folder = root / f"{number % FOLDERS}" if number % 3 else root / "deep" / f"{number % FOLDERS} é"
        folder.mkdir(parents=True, exist_ok=True)
        (folder / f"{number}.bin").write_bytes(contents[number % 40])
    return root


def stored(shell: Shell) -> set[str]:
    """The paths of all files on the server."""
    return {file["folder"] + file["name"] for file in shell.run("ls", "--json").json}


def difference(left: Path, right: Path) -> str:
    """What differs between two trees, as diff prints it."""
    command = ["/usr/bin/env", "diff", "-r", str(left), str(right)]
    return subprocess.run(command, check=False, stdout=subprocess.PIPE, text=True).stdout


def test_a_tree_with_duplicates_comes_back_as_it_was(shell: Shell) -> None:
    photos = tree(shell.folder / "photos")
    paths = {path.relative_to(shell.folder).as_posix() for path in photos.rglob("*.bin")}
    uploaded = shell.run("upload", "-r", photos, "--json")
    assert uploaded.code == 0
    assert stored(shell) == paths
    # Each content was sent once.
    contents = {path.read_bytes() for path in photos.rglob("*.bin")}
    outcomes = Counter(line["outcome"] for line in uploaded.json)
    assert outcomes == {"uploaded": len(contents), "present": len(paths) - len(contents)}
    again = shell.run("upload", "-r", photos, "--json")
    assert Counter(line["outcome"] for line in again.json) == {"present": len(paths)}
    assert stored(shell) == paths
    fetched = shell.run("get", "-r", "photos", "-o", "copy")
    assert (fetched.code, fetched.out.count("\n")) == (0, len(paths))
    assert difference(photos, shell.folder / "copy" / "photos") == ""
    part = shell.run("get", "-r", "photos/deep/", "-o", "part/")
    assert part.code == 0
    assert difference(photos / "deep", shell.folder / "part" / "deep") == ""


@pytest.mark.parametrize(
    ("arguments", "path"),
    [
        (["a/b/c.txt"], "c.txt"),
        (["a/b/c.txt", "--folder", "x/y"], "x/y/c.txt"),
        (["-r", "a"], "a/b/c.txt"),
        (["-r", "a/b/", "--folder", "x/"], "x/b/c.txt"),
        (["-r", "."], "a/b/c.txt"),
        (["-r", "a/.."], "a/b/c.txt"),
        (["a/b/c.txt", "--name", "d.txt", "--folder", "/"], "d.txt"),
    ],
)
def test_where_files_go(tmp_path: Path, arguments: list[str], path: str) -> None:
    shell = Shell(tmp_path / "here", WAYBILL_URL="http://127.0.0.1:1", WAYBILL_TOKEN="unused")
    (shell.folder / "a" / "b").mkdir(parents=True)
    (shell.folder / "a" / "b" / "c.txt").write_bytes(b"c")
    planned = shell.run("upload", "--dry-run", *arguments)
    assert (planned.code, planned.out.split()[-1]) == (0, path)


def test_what_the_server_refuses_is_named_and_the_others_are_sent(shell: Shell) -> None:
    photos = shell.folder / "photos"
    for name in ("good/a.txt", "bad\x07folder/a.txt", "good/back\\slash.txt", "b.txt"):
        (photos / name).parent.mkdir(parents=True, exist_ok=True)
        (photos / name).write_bytes(name.encode())
    ran = shell.run("upload", "-r", photos, "--json")
    failed: list[Any] = [line for line in ran.json if line["outcome"] == "failed"]
    assert (ran.code, stored(shell)) == (1, {"photos/good/a.txt", "photos/b.txt"})
    assert {line["error"]["code"] for line in failed} == {"invalid_input"}
    assert "bad\ufffdfolder/a.txt: " in ran.err
    assert "back\\slash.txt: " in ran.err


def test_pairs_and_a_folder_are_stored_and_shown(shell: Shell) -> None:
    (shell.folder / "a.txt").write_bytes(b"a")
    pairs = ("--metadata", "album=summer", "--metadata", "formula=a=b")
    [sent] = shell.run("upload", "a.txt", "--folder", "x/y/", *pairs, "--json").json
    assert sent["file"]["folder"] == "x/y/"
    assert sent["file"]["metadata"] == {"album": "summer", "formula": "a=b"}
    assert "x/y/a.txt" in shell.run("ls").out
    assert "album=summer formula=a=b" in shell.run("info", sent["id"]).out


@pytest.mark.parametrize(
    "wrong", [["--folder", "../x"], ["--folder", "/x/"], ["--folder", "x//y"], ["--metadata", "album"]]
)
def test_a_wrong_folder_or_pair_is_a_wrong_command_line(shell: Shell, wrong: list[str]) -> None:
    (shell.folder / "a.txt").write_bytes(b"a")
    ran = shell.run("upload", "a.txt", *wrong)
    assert (ran.code, stored(shell)) == (2, set())


def test_a_file_is_renamed_and_moved(shell: Shell) -> None:
    (shell.folder / "a.txt").write_bytes(b"a")
    file_id = shell.run("upload", "a.txt", "--quiet").out.strip()
    renamed = shell.run("mv", file_id, "b.txt")
    assert (renamed.code, renamed.out) == (0, f"moved {file_id}  b.txt\n")
    [moved] = shell.run("mv", file_id, "--folder", "x/y", "--json").json
    assert (moved["outcome"], moved["file"]["folder"], moved["file"]["name"]) == ("moved", "x/y/", "b.txt")
    assert shell.run("mv", file_id, "c.txt", "--folder", "/").out == f"moved {file_id}  c.txt\n"
    [refused] = shell.run("mv", file_id, "..", "--json").json
    assert (refused["outcome"], refused["error"]["code"]) == ("failed", "invalid_input")
    assert [shell.run("mv", file_id, *wrong).code for wrong in ([], ["x/y"], ["--folder", "../x"])] == [
        2,
        2,
        2,
    ]
    assert stored(shell) == {"c.txt"}


def test_a_folder_is_listed_and_found_by_a_pair(shell: Shell) -> None:
    for path in ("top.txt", "a/one.txt", "a/b/two.txt", "ab/other.txt"):
        (shell.folder / path).parent.mkdir(exist_ok=True)
        (shell.folder / path).write_text(path)
    for source, pair in (("top.txt", "k=1"), ("a", "k=2"), ("ab", "k=1")):
        assert shell.run("upload", "-r", source, "--metadata", pair).code == 0

    def names(*arguments: str) -> list[str]:
        return sorted(file["folder"] + file["name"] for file in shell.run("ls", "--json", *arguments).json)

    assert names("/") == ["top.txt"]
    assert names("a") == ["a/one.txt"]
    assert names("-r", "a/") == ["a/b/two.txt", "a/one.txt"]
    assert len(names("-r", "/")) == len(names()) == 4
    assert names("--metadata", "k=1") == ["ab/other.txt", "top.txt"]
    assert names("-r", "a/", "--metadata", "k=1") == []
    for path in ("one.txt", "two.txt"):
        assert shell.run("get", "-r", "a", "--name", path, "-o", "copy").code == 0
    assert sorted(each.name for each in (shell.folder / "copy").rglob("*.txt")) == ["one.txt", "two.txt"]
    assert [
        shell.run("get", "-r", *wrong).code for wrong in ([], ["a", "ab"], ["../a"], ["a", "-o", "-"])
    ] == [2] * 4
    assert shell.run("get", "-r", "none", "--json").code == 4


def test_a_link_does_not_lead_out_of_the_folder(shell: Shell) -> None:
    (shell.folder / "photos").mkdir()
    (shell.folder / "photos" / "a.txt").write_text("a")
    assert shell.run("upload", "-r", "photos").code == 0
    (shell.folder / "elsewhere").mkdir()
    (shell.folder / "copy").mkdir()
    (shell.folder / "copy" / "photos").symlink_to(shell.folder / "elsewhere")
    ran = shell.run("get", "-r", "photos", "-o", "copy")
    assert (ran.code, list((shell.folder / "elsewhere").iterdir())) == (1, [])
    assert "copy/photos is a link that leads out of copy." in ran.err
