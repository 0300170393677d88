"""`motia version`"""

from __future__ import annotations

from motia.cli.options import AsJson
from motia.cli.output import print_json, print_line

DISTRIBUTION = "motia-steps"


def version(as_json: AsJson = False) -> None:
    """Print the version."""
    import platform
    from importlib import metadata

    found = metadata.version(DISTRIBUTION)
    if as_json:
        print_json({"distribution": DISTRIBUTION, "version": found, "python": platform.python_version()})
    else:
        print_line(found)
