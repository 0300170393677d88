"""Show the values of a failed comparison in the conformance suite too."""

from __future__ import annotations

import pytest

pytest.register_assert_rewrite("motia.testing.conformance")
