"""Which process of pytest-xdist runs which tests, and in which order."""

import pytest
from xdist.scheduler import LoadFileScheduling

#: Folders whose tests share servers that no other test uses. One process runs a whole folder, so that they
#: start once.
WHOLE_FOLDERS = ("tests/cluster/", "tests/faults/")

#: What takes longest begins first: a long file at the end would leave the other processes idle.
LONGEST_FIRST = (*WHOLE_FOLDERS, "tests/browser/", "tests/cli/", "tests/fuzz/", "tests/actors/")


class FolderScheduling(LoadFileScheduling):  # type: ignore[misc]  # xdist has no annotations
    """Assigns files and whole folders, in the order of the collection."""

    def _split_scope(self, nodeid: str) -> str:
        file: str = super()._split_scope(nodeid)
        return next((folder for folder in WHOLE_FOLDERS if file.startswith(folder)), file)


def longest_first(items: list[pytest.Item]) -> None:
    """Sort collected tests in place; files keep their order within each rank.

    Within tests/cluster the files that do not need the cluster come first: once it runs, its eleven processes
    take a tenth of a core, even idle.
    """
    on_cluster = {item.path for item in items if "cluster" in getattr(item, "fixturenames", ())}

    def rank(item: pytest.Item) -> tuple[int, bool]:
        starts = (number for number, start in enumerate(LONGEST_FIRST) if item.nodeid.startswith(start))
        return next(starts, len(LONGEST_FIRST)), item.path in on_cluster

    items.sort(key=rank)
