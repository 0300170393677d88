"""What users test their projects with, and authors of backends theirs.

`TestApp` runs a project in the test's process, `ManualClock` holds time still; the pytest plugin gives the
fixture `app`. `conformance/` is the suite every backend passes.
"""

from motia.testing.app import TestApp
from motia.testing.clock import ManualClock
from motia.testing.crashes import Crash, crash_points
from motia.testing.http import Answer

__all__ = ["Answer", "Crash", "ManualClock", "TestApp", "crash_points"]
