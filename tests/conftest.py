"""What holds for every test."""

from __future__ import annotations

from hypothesis import settings

# Others may use the machine, too: no example fails for being slow, pytest-timeout watches over the whole.
settings.register_profile("tests", deadline=None)
settings.load_profile("tests")
