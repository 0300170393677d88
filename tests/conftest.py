"""How the whole suite runs: alike on a fast machine and on a slow one, and with no idle core at its end."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

# Tests say nothing about speed, neither of a whole nor of one example.
settings.register_profile("any machine", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("any machine")

_TESTS = Path(__file__).parent
_LONG = ("integration", "e2e", "golden", "properties", "examples", "docs")


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Folders with long tests first: what ends the run is short, and no process waits long for another."""
    items.sort(key=lambda item: item.path.relative_to(_TESTS).parts[0] not in _LONG)
