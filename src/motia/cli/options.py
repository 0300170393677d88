"""Options that several commands share, spelled once."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

ProjectDir = Annotated[Path, typer.Option("--dir", "-C", help="Directory of the project.")]
AsJson = Annotated[bool, typer.Option("--json", help="Print one JSON document on stdout.")]
Host = Annotated[str | None, typer.Option("--host", "-H", help="Address to listen on.", show_default=False)]
Port = Annotated[int | None, typer.Option("--port", "-p", help="Port of the API.", show_default=False)]
WorkbenchPort = Annotated[
    int | None, typer.Option("--workbench-port", help="Port of the Workbench.", show_default=False)
]
Since = Annotated[
    str | None, typer.Option("--since", help="Only of this long back: 90s, 15m, 3h, 2d.", show_default=False)
]
Text = Annotated[
    str | None, typer.Option("--text", help="Only with this text, in any case.", show_default=False)
]
Flow = Annotated[str | None, typer.Option("--flow", help="Only of this flow's steps.", show_default=False)]
Yes = Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")]
HERE = Path()
