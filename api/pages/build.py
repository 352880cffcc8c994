"""The build of web/src by Vite: the scripts and styles of each page. Their names contain a digest."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

DIST = Path(__file__).parents[2] / "web" / "dist"


class Build:
    """The files of a build, or none if there was no build."""

    def __init__(self, dist: Path = DIST) -> None:
        manifest = dist / ".vite" / "manifest.json"
        self._chunks: Mapping[str, Mapping[str, Any]] = {}
        #: All files by name, including the workers and fonts that scripts and styles load.
        self.files: Mapping[str, Path] = {}
        if manifest.is_file():
            self._chunks = json.loads(manifest.read_text("utf-8"))
            self.files = {file.name: file for file in dist.iterdir() if file.is_file()}

    def load(self, entry: str, base: str) -> str | None:
        """Return the HTML elements that load an entry of vite.config.ts, with URLs below ``base``.

        Returns None if that entry was not built.
        """
        found = [
            key for key, chunk in self._chunks.items() if chunk.get("isEntry") and chunk["name"] == entry
        ]
        if not found:
            return None
        keys = found[:1]
        for key in keys:  # grows meanwhile
            keys += [other for other in self._chunks[key].get("imports", ()) if other not in keys]
        own, *imported = (self._chunks[key] for key in keys)
        return "\n    ".join(
            [
                # The importer's styles come last, because they may override those of its imports.
                *(
                    f'<link rel="stylesheet" href="{base}{style}">'
                    for chunk in (*reversed(imported), own)
                    for style in chunk.get("css", ())
                ),
                *(f'<link rel="modulepreload" href="{base}{chunk["file"]}">' for chunk in imported),
                f'<script type="module" src="{base}{own["file"]}"></script>',
            ]
        )
