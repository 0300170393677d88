"""What is wrong with a value, in one form: `InputError` `input.invalid` with a list of paths."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import islice

from motia.errors import InputError

MAX_PROBLEMS = 100
"""More would let one hostile body make an answer many times its size."""

Location = Sequence[str | int]


def path_text(location: Location) -> str:
    """A location as people write it: `items[0].quantity`; empty for the whole value."""
    text = ""
    for part in location:
        if isinstance(part, int):
            text += f"[{part}]"
        else:
            text += f".{part}" if text else part
    return text


def input_invalid(problems: Iterable[tuple[Location, str]], what: str = "input") -> InputError:
    """The error for a value that does not fit: one entry a problem, at most 100 of them."""
    errors = [
        {"path": path_text(location), "message": message}
        for location, message in islice(problems, MAX_PROBLEMS)
    ]
    first = errors[0]
    where = first["path"] or "the whole value"
    more = f" and {len(errors) - 1} more" if len(errors) > 1 else ""
    return InputError(
        f"{what}: expected a value that fits the schema, got a problem at {where}: {first['message']}{more}",
        code="input.invalid",
        status=422,
        details={"errors": errors},
    )
