"""Records runs under way for the tests of later releases: `python scripts/record_journals.py`.

Part of each release. Writes `tests/integration/recorded/journals-<version>.sql`; what is recorded is
`project/` beside it.
"""

from __future__ import annotations

import sys
import tempfile
from importlib.metadata import version
from pathlib import Path

_FOLDER = Path(__file__).parent.parent / "tests" / "integration" / "recorded"


def main() -> int:
    sys.path.insert(0, str(_FOLDER))
    from journals import record

    target = _FOLDER / f"journals-{version('motia-steps')}.sql"
    with tempfile.TemporaryDirectory() as folder:
        target.write_text(record(Path(folder)))
    sys.stdout.write(f"written: {target}\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
