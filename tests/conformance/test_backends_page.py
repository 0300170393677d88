"""The SQL that the page on backends shows for SQLite is SQL that our schema takes."""

from __future__ import annotations

import re
from pathlib import Path

import apsw
import pytest

from motia.backends.sqlite.queue import COMPLETE
from motia.backends.sqlite.schema import MIGRATIONS
from motia.core import batch

_PAGE = (Path(__file__).parents[2] / "docs" / "reference" / "backends.md").read_text(encoding="utf-8")
_STATEMENTS = [
    statement.strip()
    for block in re.findall(r"<!-- sqlite -->\n```sql\n(.*?)```", _PAGE, re.DOTALL)
    for statement in block.split(";")
    if statement.strip()
]


@pytest.mark.parametrize("statement", _STATEMENTS)
def test_statement_fits_the_schema(statement: str) -> None:
    database = apsw.Connection(":memory:")
    for migration in MIGRATIONS:
        database.execute(migration)
    parameters = dict.fromkeys(re.findall(r":(\w+)", statement))
    assert database.execute(f"EXPLAIN {statement}", parameters).fetchall()
    database.close()


def test_the_page_has_a_statement_for_every_operation() -> None:
    assert len(_STATEMENTS) > 25
    missing = [kind.__name__ for kind in batch.Operation.__args__ if kind.__name__ not in _PAGE]
    assert missing == []


def test_the_page_shows_the_statement_that_is_run() -> None:
    assert COMPLETE in [re.sub(r":\w+", "?", statement) for statement in _STATEMENTS]
