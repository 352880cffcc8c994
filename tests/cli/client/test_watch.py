"""Changes are printed as they happen."""

import json

from tests.cli.client.shell import Shell
from tests.service import Service
from waybill.client import Client


def test_a_file_is_watched_until_it_is_over(shell: Shell, service: Service) -> None:
    (shell.folder / "a.txt").write_text("a")
    with Client(service.address, shell.environment["WAYBILL_TOKEN"]) as client:
        grant = client.request_upload("a.txt", 1)
        with shell.started("watch", grant.file.id, "--json") as watching:
            assert watching.stdout is not None
            assert json.loads(watching.stdout.readline())["status"] == "PENDING"
            client.send(shell.folder / "a.txt", grant)
            statuses = [json.loads(line)["status"] for line in watching.stdout]
            assert watching.wait(30) == 0
    assert statuses == ["PROCESSING", "COMPLETED"]


def test_all_files_are_watched_until_ctrl_c(shell: Shell) -> None:
    with shell.started("watch") as watching:
        assert watching.stderr is not None
        assert watching.stdout is not None
        assert "Ctrl-C stops" in watching.stderr.readline()
        (shell.folder / "a.txt").write_text("a")
        shell.run("upload", "a.txt")
        lines = [watching.stdout.readline() for _ in range(3)]
        assert [line.split()[3] for line in lines] == ["PENDING", "PROCESSING", "COMPLETED"]
        watching.send_signal(2)
        assert watching.wait(30) == 130


def test_what_is_over_is_told_at_once(shell: Shell) -> None:
    (shell.folder / "a.txt").write_text("a")
    shell.run("upload", "a.txt")
    [file_id] = shell.ids()
    ran = shell.run("watch", file_id)
    assert (ran.code, ran.out.split()[3]) == (0, "COMPLETED")
    shell.run("rm", file_id)
    assert shell.run("watch", file_id).code == 1
