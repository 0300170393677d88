"""Where a node stands when its loop does not turn."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

_NO_THREADS = """
import resource, sys, threading
from pathlib import Path
from motia.server.stall_dump import StallDump

dump = StallDump(Path(sys.argv[1]), 60)
dump.beat()
threading.stack_size(64 << 20)
used = int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
resource.setrlimit(resource.RLIMIT_AS, (used + (2 << 20), resource.RLIM_INFINITY))
try:
    threading.Thread(target=print).start()
except RuntimeError:
    dump.beat()
    print("beats")
"""


@pytest.mark.skipif(sys.platform != "linux", reason="memory is limited by the address space, as Linux does")
def test_a_loop_that_turns_in_a_process_without_threads_to_spare_is_not_taken_for_stalled(
    tmp_path: Path,
) -> None:
    done = subprocess.run(
        [sys.executable, "-c", _NO_THREADS, str(tmp_path / "dump")],
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert (done.returncode, done.stdout, done.stderr) == (0, "beats\n", "")
