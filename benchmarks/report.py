"""The table and the files that a run leaves."""

from __future__ import annotations

import json
import os
import platform
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from measure import Row, interpreter_ns

_WIDTHS = (40, 16, 26, 12, 12, 7)
_TITLES = ("what", "ours", "baseline", "ratio", "target", "verdict")


def heading() -> str:
    """What the figures were taken on, and the titles."""
    machine = (
        f"{os.cpu_count()} CPUs, Python {platform.python_version()}, {interpreter_ns():.0f} ns a loop turn"
    )
    return f"{machine}\n{_line(_TITLES)}\n{'-' * (sum(_WIDTHS) + len(_WIDTHS) - 1)}"


def line(row: Row) -> str:
    """A row as text."""
    baseline = "" if row.baseline is None else f"{_number(row.baseline)} {row.baseline_name}"
    ours = f"{_number(row.ours)} {row.unit}".rstrip()
    verdict = {None: "", True: "met", False: "MISSED"}[row.met]
    return _line((row.what, ours, baseline, _ratio(row), _target(row), verdict))


def write(folder: Path, name: str, rows: Sequence[Row], *, quick: bool) -> Path:
    """Keep the figures, with what is needed to judge them."""
    folder.mkdir(exist_ok=True)
    path = folder / f"{name}.json"
    found: dict[str, Any] = {
        "machine": platform.platform(),
        "python": platform.python_version(),
        "cpus": os.cpu_count(),
        "interpreter_ns": interpreter_ns(),
        "quick": quick,
        "rows": [{**asdict(row), "ratio": row.ratio, "met": row.met} for row in rows],
    }
    path.write_text(json.dumps(found, indent=2, ensure_ascii=False) + "\n")
    return path


def _ratio(row: Row) -> str:
    if row.ratio is None:
        return ""
    return f"{1 / row.ratio:.2f}× less" if row.by == "gain" else f"{row.ratio:.2f}"


def _target(row: Row) -> str:
    if not row.judge:
        return ""
    sign = "≤" if row.judge == "at most" else "≥"
    return f"{sign} {_number(row.target)}{'×' if row.by != 'ours' else ''}"


def _number(value: float) -> str:
    if value >= 1000:
        return f"{value:,.0f}"
    return f"{value:.1f}" if value >= 100 else f"{value:.2f}" if value >= 0.1 else f"{value:.4f}"


def _line(cells: Sequence[str]) -> str:
    return " ".join(cell.ljust(width) for cell, width in zip(cells, _WIDTHS, strict=True)).rstrip()
