"""Several real processes on one SQLite file."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from motia.backends.liveness import Crashed, Running
from motia.backends.sqlite.backend import SqliteBackend
from motia.backends.sqlite.liveness import Liveness, forget, running_of_dead
from motia.core.batch import Batch, ClaimReady, RecoverNode, WantedQueue
from motia.core.message import Claim, QueueName, TraceContext
from motia.errors import BackendError

_Q = QueueName("orders", "bill")
_PRELUDE = """
import asyncio, os, sys
from pathlib import Path
from motia.backends.sqlite.backend import SqliteBackend
from motia.backends.sqlite.liveness import Liveness
from motia.core.batch import Batch, Enqueue, RegisterNode, StateUpdate
from motia.core.message import NewMessage, QueueName, TraceContext
from motia.core.update import UpdateOperation

folder = Path(sys.argv[1])
node = os.urandom(16)

def say(line):
    print(line, flush=True)

def hear():
    return sys.stdin.readline()
"""
_COUNT = """
async def main():
    say("ready")
    hear()
    backend = SqliteBackend(folder / "motia.db", node, folder_for_sockets=folder / "run")
    await backend.open()
    one_more = (UpdateOperation("increment", ("count",), 1),)
    for _ in range(int(sys.argv[2])):
        await backend.commit(Batch([StateUpdate(scope="s", key="k", operations=one_more, now_ms=0)]))
    await backend.close()

asyncio.run(main())
"""
_HOLD = """
async def main():
    backend = SqliteBackend(folder / "motia.db", node)
    await backend.open()
    liveness = Liveness(folder / "run", node, slots=8)
    await backend.commit(
        Batch([RegisterNode(node=node, pid=os.getpid(), started_at_ms=0, lock_path=str(liveness.path))])
    )
    claims = []
    for number in range(3):
        message = NewMessage(
            id=bytes([number]) * 16, queue=QueueName("orders", "bill"), payload=b"%d" % number,
            trace=TraceContext("0" * 32, ""), enqueued_at_ms=0, claim_for=node,
        )
        claims += await backend.commit(Batch([Enqueue(message)]))
    span = TraceContext("1" * 32, "2" * 16)
    liveness.started(claims[0], span, 7)
    liveness.started(claims[1], span, 7)
    liveness.ended(claims[0])
    FORK
    say(f"{liveness.path} {claims[1].seq}")
    hear()

asyncio.run(main())
"""
_FORK = """
    to_read, to_write = os.pipe()
    if os.fork() == 0:
        os.write(to_write, b"x")
        os.read(int(sys.argv[2]), 1)
        os._exit(0)
    os.read(to_read, 1)
"""


@contextmanager
def _python(code: str, *arguments: str, keep: tuple[int, ...] = ()) -> Iterator[subprocess.Popen[str]]:
    """A process that runs the prelude and `code`; killed at the end if it still runs."""
    process = subprocess.Popen(
        [sys.executable, "-c", _PRELUDE + code, *arguments],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        pass_fds=keep,
    )
    with process:
        try:
            yield process
        finally:
            if process.poll() is None:
                process.kill()


def _line(process: subprocess.Popen[str]) -> str:
    assert process.stdout is not None
    line = process.stdout.readline().strip()
    if not line:
        _, errors = process.communicate()
        raise AssertionError(f"the process said nothing but:\n{errors}")
    return line


def test_four_processes_increment_one_key_and_lose_nothing(tmp_path: Path) -> None:
    """They also open a file that does not exist yet at the same moment."""
    with (
        _python(_COUNT, str(tmp_path), "300") as one,
        _python(_COUNT, str(tmp_path), "300") as two,
        _python(_COUNT, str(tmp_path), "300") as three,
        _python(_COUNT, str(tmp_path), "300") as four,
    ):
        team = (one, two, three, four)
        for process in team:
            assert _line(process) == "ready"
        for process in team:
            assert process.stdin is not None
            process.stdin.write("go\n")
            process.stdin.flush()
        for process in team:
            _, errors = process.communicate(timeout=120)
            assert (process.returncode, errors) == (0, "")

    async def read() -> bytes:
        backend = SqliteBackend(tmp_path / "motia.db", os.urandom(16))
        await backend.open()
        entry = await backend.state.get("s", "k", 0)
        await backend.close()
        assert entry is not None
        return entry.value

    assert asyncio.run(read()) == b'{"count":1200}'


def test_a_killed_node_is_known_to_be_dead_and_what_it_ran_is_charged(tmp_path: Path) -> None:
    with _python(_HOLD.replace("FORK", ""), str(tmp_path)) as process:
        path, seq = _line(process).split()
        assert running_of_dead(Path(path)) == (False, None)
        process.send_signal(signal.SIGSTOP)
        assert running_of_dead(Path(path)) == (False, None)
        process.kill()
        process.wait()
    dead, running = running_of_dead(Path(path))
    assert dead
    assert running == [Crashed(int(seq), b"\x01" * 16, TraceContext("1" * 32, "2" * 16, 0), "", 7, "bill")]
    ran = frozenset((one.seq, one.message_id) for one in running)

    async def recover() -> None:
        backend = SqliteBackend(tmp_path / "motia.db", os.urandom(16))
        await backend.open()
        [(node, _, lock_path)] = await backend.queue.nodes()
        assert lock_path == path
        recovered = RecoverNode(node=node, running=ran, max_crashes=3, now_ms=0, error=b"{}")
        assert await backend.commit(Batch([recovered])) == [3]
        wanted = [WantedQueue(_Q, 9)]
        [[claim]] = await backend.commit(Batch([ClaimReady(node=b"x" * 16, wanted=wanted, max_bytes=99)]))
        assert (claim.payload, claim.crashes, claim.suspect) == (b"1", 1, True)
        await backend.close()

    asyncio.run(recover())
    forget(Path(path))
    forget(Path(path))
    assert running_of_dead(Path(path)) == (True, None)


def test_a_forked_child_does_not_keep_its_dead_parent_alive(tmp_path: Path) -> None:
    """As the worker of a step's process pool would, which outlives a killed node."""
    to_read, to_write = os.pipe()
    try:
        code = _HOLD.replace("    FORK", _FORK)
        with _python(code, str(tmp_path), str(to_read), keep=(to_read,)) as process:
            path, seq = _line(process).split()
            assert running_of_dead(Path(path)) == (False, None)
            process.kill()
            process.wait()
            dead, running = running_of_dead(Path(path))
            assert dead
            assert [(one.seq, one.message_id) for one in running or ()] == [(int(seq), b"\x01" * 16)]
            os.write(to_write, b"x")
    finally:
        os.close(to_read)
        os.close(to_write)


def test_a_node_that_ends_takes_its_file_along(tmp_path: Path) -> None:
    liveness = Liveness(tmp_path / "run", b"n" * 16, slots=4)
    assert running_of_dead(liveness.path) == (False, None)
    liveness.close()
    liveness.close()
    assert not liveness.path.exists()
    assert running_of_dead(liveness.path) == (True, None)


def test_a_node_sees_what_the_others_run(tmp_path: Path) -> None:
    here = Liveness(tmp_path, b"h" * 16, slots=4)
    there = Liveness(tmp_path, b"t" * 16, slots=4)
    try:
        message = TraceContext("11" * 16, "22" * 8, 0)
        claim = Claim(
            seq=7, id=b"m" * 16, queue=_Q, token=1, payload=b"1", trace=message, enqueued_at_ms=0, failures=2
        )
        there.started(claim, message, 1_000)
        there.other_work([Running("page", TraceContext("33" * 16, "44" * 8, 0), 2_000, 1, of_message=False)])
        assert here.elsewhere() == [
            Running("bill", message, 1_000, 3, of_message=True),
            Running("page", TraceContext("33" * 16, "44" * 8, 0), 2_000, 1, of_message=False),
        ]
        assert there.elsewhere() == []
        there.ended(claim)
        assert [one.step for one in here.elsewhere()] == ["page"]
        there.other_work([])
        assert here.elsewhere() == []
    finally:
        here.close()
        there.close()
    assert here.elsewhere() == []


def test_what_is_no_message_is_not_recovered(tmp_path: Path) -> None:
    dead = Liveness(tmp_path, b"d" * 16, slots=4)
    dead.other_work([Running("page", TraceContext("33" * 16, "44" * 8, 0), 2_000, 1, of_message=False)])
    copy = tmp_path / "copy.lock"
    copy.write_bytes(dead.path.read_bytes())
    dead.close()
    assert running_of_dead(copy) == (True, [])


def test_what_a_node_runs_can_be_noted_on_a_full_disk(tmp_path: Path) -> None:
    """A map of a file with holes kills its process where the disk has no room to fill one."""
    liveness = Liveness(tmp_path / "run", b"n" * 16, slots=1000)
    found = liveness.path.stat()
    assert found.st_size > 100_000
    assert found.st_blocks * 512 >= found.st_size
    liveness.close()
    with pytest.raises(BackendError, match="cannot be made"):
        Liveness(Path(__file__), b"n" * 16, slots=1)


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="there is no disk that is always full")
def test_a_node_that_starts_on_a_full_disk_is_told_so(tmp_path: Path) -> None:
    node = b"n" * 16
    (tmp_path / f"{node.hex()}.lock").symlink_to("/dev/full")
    with pytest.raises(BackendError) as caught:
        Liveness(tmp_path, node, slots=1)
    assert (caught.value.code, caught.value.retryable) == ("backend.full", True)
    assert not os.path.lexists(tmp_path / f"{node.hex()}.lock")
