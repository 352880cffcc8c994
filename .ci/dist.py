"""Print what the distributions in dist/ contain. Fail if something is missing or does not belong there."""

import sys
import tarfile
import zipfile
from collections import Counter
from collections.abc import Iterable
from pathlib import Path

DIST, CHANGELOG = Path("dist"), Path("CHANGELOG.md")

CODE = {"actors", "api", "cli", "stack", "waybill"}
# What the API serves beside its own code: the built pages, and two published files.
PAGES = {"web/dist/.vite/manifest.json", "web/node_modules/swagger-ui-dist/swagger-ui.css"}
WHEEL = {"waybill/py.typed", "api/pages/static/icon.svg", *PAGES}
SDIST = {*WHEEL, "schema.graphql", "web/src/page/main.tsx", "web/package-lock.json", "LICENSE"}
SDIST_FILES = {".gitignore", "CHANGELOG.md", "LICENSE", "PKG-INFO", "README.md", "SECURITY.md"}
SDIST_FILES |= {"pyproject.toml", "schema.graphql"}


def main() -> int:
    """Check the wheel and the source distribution, and return the exit status."""
    [wheel], [sdist] = DIST.glob("*.whl"), DIST.glob("*.tar.gz")
    version = wheel.name.split("-")[1]
    with zipfile.ZipFile(wheel) as archive:
        wrong = faults(wheel, archive.namelist(), WHEEL, {f"waybill-{version}.dist-info"})
    with tarfile.open(sdist) as source:
        names = [name.partition("/")[2] for name in source.getnames()]
    wrong += faults(sdist, names, SDIST, SDIST_FILES)
    if ".dev" not in version and f"\n## {version}" not in CHANGELOG.read_text():
        wrong.append(f"{CHANGELOG} has no section {version}")
    for fault in wrong:
        print(f"dist: {fault}", file=sys.stderr)
    return 1 if wrong else 0


def faults(path: Path, names: Iterable[str], required: set[str], more: set[str]) -> list[str]:
    """Print how many files each top folder has, and return what is wrong with the names."""
    folders = Counter(name.partition("/")[0] for name in names)
    print(f"{path}: " + ", ".join(f"{folder} {count}" for folder, count in sorted(folders.items())))
    foreign = {name for name in names if "node_modules/" in name and "/swagger-ui-dist/" not in name}
    foreign |= {folder for folder in folders if folder not in CODE | {"web"} | more}
    missing = required - set(names)
    return [f"{path.name} lacks {name}" for name in sorted(missing)] + [
        f"{path.name} must not contain {name}" for name in sorted(foreign)
    ]


if __name__ == "__main__":
    sys.exit(main())
