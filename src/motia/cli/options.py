"""Options that several commands share, spelled once."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

ProjectDir = Annotated[Path, typer.Option("--dir", "-C", help="Directory of the project.")]
AsJson = Annotated[bool, typer.Option("--json", help="Print one JSON document on stdout.")]
Host = Annotated[str | None, typer.Option("--host", "-H", help="Address to listen on.", show_default=False)]
Port = Annotated[int | None, typer.Option("--port", "-p", help="Port of the API.", show_default=False)]
Yes = Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")]
HERE = Path()
