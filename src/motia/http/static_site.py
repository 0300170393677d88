"""Files of a folder as pages of a site, where no route matches."""

from __future__ import annotations

from pathlib import Path
from urllib.parse import unquote

from motia.http.files import file_body
from motia.http.response import HttpResponse

_INDEX = "index.html"


class StaticSite:
    """The files below `folder`, once it has an `index.html`; never dot files, never what lies outside of it.

    Without an `index.html` the folder is something else, and nothing of it is shown.
    """

    def __init__(self, folder: Path) -> None:
        self._root = folder.resolve()

    def page(self, raw_path: str) -> HttpResponse | None:
        """The file at a path of the site, or the `index.html` of a folder; None where there is none."""
        parts = [part for part in unquote(raw_path.partition("?")[0]).split("/") if part]
        if any(part.startswith(".") or "\0" in part or "\\" in part for part in parts):
            return None
        try:
            if not (self._root / _INDEX).is_file():
                return None
            path = self._root.joinpath(*parts).resolve()
            if path.is_dir():
                path = (path / _INDEX).resolve()
            if not path.is_relative_to(self._root) or not path.is_file():
                return None
        except OSError:
            return None  # a name that no file can have
        headers, body = file_body(path)
        return HttpResponse(200, [*headers, (b"cache-control", b"no-cache")], body)
