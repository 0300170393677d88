"""A step that opens the node's own database inside the node would drop its locks: it is refused."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

_PRELUDE = """
import asyncio, os, sqlite3, sys
from pathlib import Path
from motia.backends.sqlite.backend import SqliteBackend
from motia.errors import HandlerError

folder = Path(sys.argv[1])
database = folder / "motia.db"

def refused(access, *arguments, **options):
    try:
        access(*arguments, **options)
    except HandlerError as error:
        assert error.code == "backend.foreign_access", error
        assert error.hint
    else:
        raise AssertionError(f"{arguments} was opened")

def node():
    return SqliteBackend(database, os.urandom(16))

async def main():
"""


def _run(folder: Path, body: str) -> None:
    indented = "".join(f"    {line}\n" for line in body.splitlines())
    done = subprocess.run(
        [sys.executable, "-c", _PRELUDE + indented + "\nasyncio.run(main())", str(folder)],
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert (done.returncode, done.stderr) == (0, "")


def test_our_files_are_refused_however_they_are_spelled(tmp_path: Path) -> None:
    _run(
        tmp_path,
        """
backend = node()
await backend.open()
(folder / "link.db").symlink_to(database)
(folder / "folder").symlink_to(folder)
os.link(database, folder / "hard.db")
for name in ("motia.db", "motia.db-wal", "motia.db-shm", "link.db", "hard.db", "folder/motia.db"):
    refused(open, folder / name, "rb")
    refused(os.open, str(folder / name), os.O_RDONLY)
    refused(os.open, os.fsencode(folder / name), os.O_RDONLY)
for name in ("motia.db", "link.db", "hard.db", "folder/motia.db"):
    refused(sqlite3.connect, folder / name)
    refused(sqlite3.connect, str(folder / name))
    refused(sqlite3.connect, f"file:{folder / name}?mode=ro", uri=True)
    refused(sqlite3.connect, f"file://localhost{folder / name}#x", uri=True)
    refused(sqlite3.connect, f"file:{str(folder / name).replace('.db', '%2edb')}", uri=True)
os.chdir(folder)
refused(open, "motia.db")
refused(sqlite3.connect, "motia.db")
refused(sqlite3.connect, "file:motia.db?mode=ro&cache=shared", uri=True)
await backend.close()
""",
    )


def test_other_files_are_not_affected(tmp_path: Path) -> None:
    _run(
        tmp_path,
        """
backend = node()
await backend.open()
(folder / "other").mkdir()
for other in (folder / "mine.db", folder / "other" / "motia.db"):
    connection = sqlite3.connect(other)
    connection.execute("CREATE TABLE t (a)")
    connection.commit()
    connection.close()
    connection = sqlite3.connect(f"file:{other}?mode=ro", uri=True)
    assert connection.execute("SELECT count(*) FROM t").fetchone() == (0,)
    connection.close()
    open(other, "rb").close()
sqlite3.connect(":memory:").close()
(folder / "notes.txt").write_text("x")
await backend.close()
""",
    )


def test_access_is_allowed_once_the_last_backend_is_closed(tmp_path: Path) -> None:
    _run(
        tmp_path,
        """
one, two = node(), node()
await one.open()
await two.open()
await one.close()
refused(sqlite3.connect, database)
await two.close()
connection = sqlite3.connect(database)
assert connection.execute("SELECT count(*) FROM deliveries").fetchone() == (0,)
connection.close()
""",
    )
