"""A group of commands whose bare name lists: `motia queue` is `motia queue list`."""

from __future__ import annotations

from typing import Any

from typer.core import TyperGroup


class ListedGroup(TyperGroup):
    """Runs `list` where no command of the group is named."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        if not args or (args[0].startswith("-") and args[0] not in ctx.help_option_names):
            args = ["list", *args]
        return super().parse_args(ctx, args)
