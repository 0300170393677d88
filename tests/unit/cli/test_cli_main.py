"""What the `motia` script reads of a command line before the command does."""

from __future__ import annotations

import pytest

from motia.cli.main import project_dir_of, serves


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("start", "."),
        ("dev --port 1 --dir a/b", "a/b"),
        ("dev --dir=a", "a"),
        ("steps -C a --json", "a"),
        ("steps -Ca", "a"),
        ("steps --dir", "."),
    ],
)
def test_the_project_is_read_from_the_line(line: str, expected: str) -> None:
    assert str(project_dir_of(line.split())) == expected


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("start", True),
        ("dev --port 1", True),
        ("dev --no-supervisor", False),
        ("start --help", False),
        ("steps", False),
        ("", False),
    ],
)
def test_only_commands_that_serve_begin_a_node(line: str, expected: bool) -> None:
    assert serves(line.split()) is expected
