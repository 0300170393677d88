"""What an agent may do, as its author names it."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from motia.authoring.durations import Duration

_NOT_IN_A_NAME = re.compile(r"[^a-zA-Z0-9_-]")
_LONGEST_NAME = 64


@dataclass(frozen=True, slots=True)
class Tool:
    """A step by its name, or a function, that an agent may call.

    `approval=True` asks a person before each call: under a signed link, which `notify` is called with, and
    for as long as `expires`; no answer is a no. Without a `description` it is the step's, or the function's
    docstring.
    """

    target: str | Callable[..., Any]
    description: str | None = None
    approval: bool = False
    expires: Duration = "7d"
    notify: Callable[[str], Any] | None = None

    @property
    def name(self) -> str:
        """The name that the model knows it by: letters, digits, `_` and `-`."""
        given = self.target if isinstance(self.target, str) else self.target.__name__
        return _NOT_IN_A_NAME.sub("_", given)[:_LONGEST_NAME]
