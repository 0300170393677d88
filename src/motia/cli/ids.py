"""Ids of messages on the command line."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import typer

if TYPE_CHECKING:
    from motia.core.message import MessageId


def parse_ids(texts: Sequence[str]) -> list[MessageId]:
    """The ids in any spelling. A text that is none is wrong usage."""
    from motia.core.ids import parse_id

    try:
        return [parse_id(text) for text in texts]
    except ValueError as error:
        raise typer.BadParameter(f"expected ids of messages as this program prints them: {error}") from error
