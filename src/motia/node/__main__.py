"""`python -m motia.node`: keeps the collector from walking through what an import makes, and begins."""

from __future__ import annotations

import gc
import sys


def main() -> int:
    """Run a node; the process's exit code."""
    # Nothing that is made until the project is loaded is freed: `life.py` turns the collector on then.
    gc.disable()
    from motia.node import life

    return life.main()


if __name__ == "__main__":
    sys.exit(main())
