"""Files go up, are listed, come down and go."""

import hashlib
import os
from pathlib import Path
from typing import Any

import pytest

from tests.cli.client.shell import Shell
from tests.haystack import NEEDLE_TYPE, NEEDLES, add_haystack
from tests.service import Service
from waybill.client.api import Api


def write(path: Path, content: bytes) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)
    return path


def test_a_file_comes_down_as_it_went_up(shell: Shell) -> None:
    content = os.urandom(300_000)
    source = write(shell.folder / "photo.jpg", content)
    sent = shell.run("upload", source)
    assert sent.code == 0
    assert sent.err.startswith(
        f"waybill: 1 file: 1 uploaded to {shell.environment['WAYBILL_URL']}; 293 KiB in "
    )
    file_id = sent.out.split()[0]
    [listed] = shell.run("ls", "--json").json
    assert (listed["id"], listed["name"], listed["contentType"]) == (file_id, "photo.jpg", "image/jpeg")
    assert (listed["status"], listed["sha256"]) == ("COMPLETED", hashlib.sha256(content).hexdigest())
    assert shell.run("info", file_id, "--json").json == [listed]
    assert "COMPLETED" in shell.run("info", file_id).out
    target = shell.folder / "copy.jpg"
    got = shell.run("get", file_id, "-o", target)
    assert (got.code, target.read_bytes()) == (0, content)
    assert shell.run("rm", file_id).code == 0
    assert shell.ids() == []


def test_content_that_is_there_is_not_sent_again(shell: Shell) -> None:
    source = write(shell.folder / "a.bin", b"once")
    [first] = shell.run("upload", source, "--json").json
    [second] = shell.run("upload", source, "--json").json
    assert (first["outcome"], second["outcome"]) == ("uploaded", "present")
    assert first["file"]["id"] == second["file"]["id"]
    assert "already there" in shell.run("upload", source).out
    named = shell.run("upload", source, "--name", "b.bin")
    assert f"b.bin  same content as {first['file']['id']}" in named.out
    assert named.code == 0


def test_a_file_that_changed_is_hashed_anew(shell: Shell) -> None:
    source = write(shell.folder / "a.bin", b"one")
    stat = source.stat()
    shell.run("upload", source)
    source.write_bytes(b"two")
    os.utime(source, ns=(stat.st_atime_ns, stat.st_mtime_ns))
    [again] = shell.run("upload", source, "--json").json
    assert again["outcome"] == "uploaded"
    assert again["file"]["sha256"] == hashlib.sha256(b"two").hexdigest()


def test_a_folder_of_many_files_goes_up(shell: Shell) -> None:
    folder = shell.folder / "many"
    for number in range(40):
        write(folder / f"{number % 4}" / f"{number}.txt", str(number).encode())
    write(folder / "empty.txt", b"")
    write(folder / "twin.txt", b"7")
    ran = shell.run("upload", "--recursive", folder, "--json")
    assert ran.code == 0
    # Two files of one content may be sent both, or one of them.
    assert ran.err.startswith("waybill: 42 files: 4")
    assert ran.err.rstrip().endswith("/s)")
    outcomes = ran.json
    assert len({outcome["path"] for outcome in outcomes}) == 42
    assert {outcome["file"]["status"] for outcome in outcomes} <= {"COMPLETED", "DUPLICATE"}
    contents = {outcome["file"]["sha256"] for outcome in outcomes}
    assert contents == {
        hashlib.sha256(content).hexdigest() for content in (b"", *(str(n).encode() for n in range(40)))
    }
    listed = shell.run("ls", "--status", "COMPLETED", "--json").json
    assert len(listed) == 41


def test_without_waiting_a_file_is_sent_and_no_more(shell: Shell) -> None:
    source = write(shell.folder / "a.bin", b"sent")
    [sent] = shell.run("upload", source, "--no-wait", "--json", "--name", "b.bin").json
    assert (sent["outcome"], sent["file"]["name"]) == ("sent", "b.bin")


def test_several_files_come_into_a_folder(shell: Shell) -> None:
    for name in ("a.txt", "b.txt"):
        shell.run("upload", write(shell.folder / name, name.encode()))
    target = shell.folder / "here"
    target.mkdir()
    ran = shell.run("get", *shell.ids(), "-o", target, "--json")
    assert ran.code == 0
    assert {line["path"] for line in ran.json} == {str(target / "a.txt"), str(target / "b.txt")}
    assert {path.name: path.read_text() for path in target.iterdir()} == {"a.txt": "a.txt", "b.txt": "b.txt"}
    assert shell.run("get", *shell.ids(), "-o", target).code == 0


def test_other_content_is_never_overwritten(shell: Shell) -> None:
    file_id = shell.run("upload", write(shell.folder / "a.txt", b"stored"), "--json").json[0]["file"]["id"]
    mine = write(shell.folder / "mine.txt", b"mine")
    ran = shell.run("get", file_id, "-o", mine, "--json")
    assert (ran.code, ran.json[0]["error"]["code"]) == (1, "local_error")
    assert mine.read_bytes() == b"mine"


def test_the_same_content_under_another_name_is_a_file_of_its_own(shell: Shell) -> None:
    original = shell.run("upload", write(shell.folder / "a.txt", b"same"), "--quiet").out.strip()
    ran = shell.run("upload", write(shell.folder / "b.txt", b"same"))
    assert f"b.txt  same content as {original}" in ran.out
    [copy] = shell.run("ls", "--name", "b.txt", "--json").json
    assert copy["status"] == "DUPLICATE"
    assert shell.run("get", copy["id"], "-o", shell.folder / "c.txt").code == 0
    assert (shell.folder / "c.txt").read_bytes() == b"same"


@pytest.mark.parametrize(
    ("filters", "names"),
    [
        ([], ["c.png", "b.jpg", "a.txt"]),
        (["--sort", "name"], ["a.txt", "b.jpg", "c.png"]),
        (["--sort", "size", "--order", "asc"], ["a.txt", "b.jpg", "c.png"]),
        (["--limit", "2"], ["c.png", "b.jpg"]),
        (["--content-type", "image/*"], ["c.png", "b.jpg"]),
        (["--name", "b."], ["b.jpg"]),
        (["--min-size", "2k"], ["c.png", "b.jpg"]),
        (["--min-size", "2k", "--max-size", "2KiB"], ["b.jpg"]),
        (["--status", "completed"], ["c.png", "b.jpg", "a.txt"]),
        (["--status", "FAILED", "--status", "expired"], []),
        (["--after", "1h"], ["c.png", "b.jpg", "a.txt"]),
        (["--before", "1h"], []),
        (["--after", "2100-01-01"], []),
        (["--trash"], []),
        (["--include", "*.jpg", "--include", "c.*"], ["c.png", "b.jpg"]),
        (["--exclude", "*.jpg"], ["c.png", "a.txt"]),
        (["--include", "*.jpg", "--exclude", "b*"], []),
    ],
)
def test_lists_are_filtered(listed: Shell, filters: list[str], names: list[str]) -> None:
    assert [file["name"] for file in listed.run("ls", "--json", *filters).json] == names
    shown = listed.run("ls", *filters)
    assert [line.split()[-1] for line in shown.out.splitlines()] == ["NAME", *names] * bool(names)
    total = sum({"a.txt": 1, "b.jpg": 2, "c.png": 4}[name] for name in names)
    size = f"{total}.0 KiB" if total else "0 B"
    assert shown.err == f"waybill: {len(names)} file{'s' * (len(names) != 1)}, {size}\n"


def test_usage_is_told(listed: Shell) -> None:
    [usage] = listed.run("usage", "--json").json
    assert usage == {"used": 1024 + 2048 + 4096, "reserved": 0, "limit": None, "files": 3}
    assert "7.0 KiB in 3 files" in listed.run("usage").out


def test_a_list_goes_on_where_a_page_is_short_and_ends_at_its_limit(
    shell: Shell, service: Service, owner: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    add_haystack(service, owner)
    calls: list[str] = []
    call = Api.call

    async def counted(api: Api, method: str, path: str, **options: Any) -> Any:
        calls.append(path)
        return await call(api, method, path, **options)

    monkeypatch.setattr(Api, "call", counted)

    def listed(*limit: str) -> list[str]:
        return [
            file["name"] for file in shell.run("ls", "--json", "--content-type", NEEDLE_TYPE, *limit).json
        ]

    assert listed() == list(NEEDLES)
    assert len(calls) > 1
    calls.clear()
    # The next match is pages away.
    assert listed("--limit", "1") == [NEEDLES[0]]
    assert calls == ["/files"]
