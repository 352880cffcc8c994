"""Files are chosen by ids, filters and patterns; what would be done can be seen first."""

from pathlib import Path

import pytest

from cli.client.choice import Patterns
from tests.cli.client.shell import Shell


@pytest.fixture
def folder(shell: Shell) -> Path:
    """A folder with three files of different names."""
    here = shell.folder / "here"
    for name in ("a.txt", "b.jpg", "deep/c.jpg"):
        path = here / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(name)
    return here


def test_an_upload_is_chosen_by_patterns_and_shown_first(shell: Shell, folder: Path) -> None:
    shown = shell.run(
        "upload", "-r", folder, "--include", "*.jpg", "--exclude", "deep/*", "--dry-run", "--json"
    )
    assert [(line["outcome"], line["path"]) for line in shown.json] == [
        ("would_upload", str(folder / "b.jpg"))
    ]
    assert shown.err == "waybill: dry run: 1 file, 5 B; nothing was sent\n"
    assert shell.ids() == []
    sent = shell.run("upload", "-r", folder, "--exclude", "*.txt", "--quiet", "--bwlimit", "1M")
    assert (sent.code, sent.err) == (0, "")
    assert sorted(sent.out.split()) == sorted(shell.ids())
    assert sent.out.splitlines() == sent.out.split()
    repeated = shell.run("upload", "-r", folder)
    assert repeated.err.startswith("waybill: 3 files: 1 uploaded to ")
    assert ", 2 already there; 5 B in " in repeated.err


def test_files_are_fetched_and_deleted_by_filters(shell: Shell, folder: Path) -> None:
    shell.run("upload", "-r", folder)
    into = shell.folder / "into"
    into.mkdir()
    seen = shell.run("get", "--name", "b", "--dry-run", "--json").json
    assert [(line["outcome"], line["file"]["name"]) for line in seen] == [("would_download", "b.jpg")]
    got = shell.run("get", "--include", "*.jpg", "-o", into)
    assert sorted(path.name for path in into.iterdir()) == ["b.jpg", "c.jpg"]
    assert got.err.startswith("waybill: 2 files: 2 downloaded; 15 B in ")
    assert [
        line["outcome"] for line in shell.run("rm", "--include", "*.jpg", "--dry-run", "--json").json
    ] == ["would_delete"] * 2
    assert len(shell.ids()) == 3
    assert shell.run("rm", "--include", "*.jpg", "--yes", "--quiet").out == ""
    assert [file["name"] for file in shell.run("ls", "--json").json] == ["a.txt"]


def test_ids_are_read_from_standard_input(shell: Shell, folder: Path) -> None:
    shell.run("upload", "-r", folder)
    listed = shell.run("ls", "--quiet").out
    assert shell.run("get", "-", "--dry-run", "--json", typed=listed).out.count("would_download") == 3
    # Of no lines nothing is deleted, and surely not all.
    assert (shell.run("rm", "-", "--yes", typed="").out, len(shell.ids())) == ("", 3)
    assert shell.run("rm", "-", typed=f"\n{listed}\n").code == 0
    assert shell.ids() == []


def test_requests_are_printed_without_what_is_secret(shell: Shell, folder: Path) -> None:
    file_id = shell.run("upload", folder / "a.txt", "-v").out.split()[0]
    ran = shell.run("get", file_id, "-v", "-o", shell.folder / "copy")
    assert f"waybill: GET /api/v1/files/{file_id} 200 (" in ran.err
    assert "?" not in ran.err
    assert shell.environment["WAYBILL_TOKEN"] not in ran.err
    listed = shell.run("ls", "-v")
    assert "waybill: GET /api/v1/files 200 (" in listed.err
    assert "GET" not in shell.run("ls").err


@pytest.mark.parametrize(
    ("include", "exclude", "chosen"),
    [
        ([], [], True),
        (["*.jpg"], [], True),
        (["*.JPG"], [], False),
        (["deep/*"], [], True),
        (["c.jpg"], ["*.txt"], True),
        ([], ["*.jpg"], False),
        (["*.jpg"], ["deep/*"], False),
        (["*.txt"], [], False),
    ],
)
def test_patterns_are_for_names_or_paths(include: list[str], exclude: list[str], chosen: bool) -> None:
    assert Patterns(include, exclude).match(Path("deep/c.jpg")) == chosen
