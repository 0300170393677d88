"""What the operator meets: full disks, foreign or newer files, failing checkpoints, missing folders."""

from __future__ import annotations

import asyncio
import os
import sqlite3
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import apsw
import pytest

from motia.backends.sqlite import checkpoint, connection
from motia.backends.sqlite.backend import SqliteBackend
from motia.backends.sqlite.connection import connect, migrate, translated
from motia.backends.sqlite.long_log import LongLogs, log_bytes
from motia.backends.sqlite.schema import AWAITS_KEY, AWAITS_RATE, BLOCKED, CLAIMED, READY, SCHEDULED
from motia.cli.checks import check_logs
from motia.core.batch import Batch, Enqueue, StateDelete, StatePut, StateUpdate
from motia.core.message import NewMessage, QueueName, TraceContext
from motia.core.update import UpdateOperation
from motia.errors import BackendError
from motia.testing.clock import ManualClock

_Q = QueueName("orders", "bill")
_TRACE = TraceContext("0" * 32, "0" * 16)


def _backend(path: Path) -> SqliteBackend:
    return SqliteBackend(path, os.urandom(16))


def _put(key: str, value_bytes: int) -> Batch:
    value = b'"' + b"x" * value_bytes + b'"'
    return Batch([StatePut(scope="s", key=key, value=value, now_ms=0)])


def _enqueue(number: int) -> Batch:
    message = NewMessage(
        id=number.to_bytes(16, "big"), queue=_Q, payload=b"{}", trace=_TRACE, enqueued_at_ms=number
    )
    return Batch([Enqueue(message)])


async def _in_writer(backend: SqliteBackend, work: Callable[[apsw.Connection], Any]) -> Any:
    """Run `work` with the writer's connection; its result."""
    assert backend._writer is not None
    loop = asyncio.get_running_loop()
    done: asyncio.Future[Any] = loop.create_future()
    backend._writer.run_between(
        lambda connection: loop.call_soon_threadsafe(done.set_result, work(connection))
    )
    return await done


@contextmanager
def _checkpoint_in_another_process(path: Path) -> Iterator[None]:
    """Holds the lock that SQLite takes for a checkpoint: one byte of the shared memory file."""
    code = (
        "import fcntl, sys; file = open(sys.argv[1], 'r+b'); fcntl.lockf(file, fcntl.LOCK_EX, 1, 121);"
        " print('held', flush=True); sys.stdin.read()"
    )
    with subprocess.Popen(
        [sys.executable, "-c", code, f"{path}-shm"], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as holder:
        assert holder.stdout is not None
        assert holder.stdout.readline() == b"held\n"
        yield
        holder.communicate(timeout=30)


def _limit_pages(pages: int) -> Callable[[apsw.Connection], Any]:
    return lambda connection: connection.execute(f"PRAGMA max_page_count = {pages}").get


def test_a_disk_too_full_for_what_nodes_share_is_said_to_be_full() -> None:
    error: Any = apsw.IOError("disk I/O error")
    error.extendedresult = apsw.SQLITE_IOERR_SHMSIZE
    assert translated(error, "motia.db").code == "backend.full"
    error.extendedresult = apsw.SQLITE_IOERR_READ
    assert translated(error, "motia.db").code == "backend.unavailable"


def test_a_full_disk_is_said_and_does_no_harm(tmp_path: Path) -> None:
    async def run() -> None:
        backend = _backend(tmp_path / "motia.db")
        await backend.open()
        await backend.commit(_put("before", 10))
        pages = await _in_writer(backend, lambda connection: connection.execute("PRAGMA page_count").get)
        await _in_writer(backend, _limit_pages(pages + 4))
        results = await asyncio.gather(
            backend.commit(_put("small", 10)),
            backend.commit(_put("big", 100_000)),
            backend.commit(_put("last", 10)),
            return_exceptions=True,
        )
        assert not isinstance(results[0], BaseException)
        assert not isinstance(results[2], BaseException)
        full = results[1]
        assert isinstance(full, BackendError)
        assert (full.code, full.retryable, full.hint) == ("backend.full", True, "free some space")
        assert isinstance(full.__cause__, apsw.FullError)
        # Reads go on, and show all that was acknowledged and nothing of what failed.
        assert [entry.key for entry in await backend.state.entries("s", 0)] == ["before", "last", "small"]
        await _in_writer(backend, _limit_pages(1_000_000))
        await backend.commit(_put("big", 100_000))
        assert await backend.state.get("s", "big", 0) is not None
        await backend.close()
        again = _backend(tmp_path / "motia.db")
        await again.open()
        assert len(await again.state.entries("s", 0)) == 4
        assert await _in_writer(again, lambda c: c.execute("PRAGMA integrity_check").get) == "ok"
        await again.close()

    asyncio.run(run())


def test_a_checkpoint_that_fails_fails_no_commit(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Raised out of SQLite's hook it would make a durable commit look failed, and apply it twice."""
    monkeypatch.setattr(checkpoint, "_CHECKPOINT_PAGES", 1)

    async def run() -> None:
        backend = _backend(tmp_path / "motia.db")
        await backend.open()
        await backend.commit(_put("a", 10))
        one_more = (UpdateOperation("increment", (), 1),)
        with _checkpoint_in_another_process(tmp_path / "motia.db"):
            for expected in (b"1", b"2"):
                [result] = await backend.commit(
                    Batch([StateUpdate(scope="s", key="n", operations=one_more, now_ms=0)])
                )
                assert result.new == expected
            assert isinstance(backend._checkpointer.failure, apsw.Error)
        [result] = await backend.commit(
            Batch([StateUpdate(scope="s", key="n", operations=one_more, now_ms=0)])
        )
        assert result.new == b"3"
        assert backend._checkpointer.failure is None
        await backend.close()

    asyncio.run(run())


def test_work_that_raises_between_transactions_does_not_stop_the_writer(tmp_path: Path) -> None:
    async def run() -> None:
        reported: list[Any] = []
        asyncio.get_running_loop().set_exception_handler(lambda loop, context: reported.append(context))
        backend = _backend(tmp_path / "motia.db")
        await backend.open()
        assert backend._writer is not None
        backend._writer.run_between(lambda connection: connection.execute("nonsense"))
        await backend.commit(_put("a", 1))
        await backend.close()
        assert [type(context["exception"]) for context in reported] == [apsw.SQLError]

    asyncio.run(run())


def test_a_transaction_that_cannot_be_undone_is_said_and_the_writer_lives(tmp_path: Path) -> None:
    def refuse(action: int, name: str | None, *_: Any) -> int:
        stuck = action == apsw.SQLITE_TRANSACTION and name in ("COMMIT", "ROLLBACK")
        return apsw.SQLITE_DENY if stuck else apsw.SQLITE_OK

    async def run() -> None:
        backend = _backend(tmp_path / "motia.db")
        await backend.open()
        try:
            await _in_writer(backend, lambda connection: setattr(connection, "authorizer", refuse))
            with pytest.raises(BackendError):
                await backend.commit(_put("a", 1))
            await _in_writer(backend, lambda connection: setattr(connection, "authorizer", None))
            with pytest.raises(BackendError):
                # Undoes what was left open.
                await backend.commit(_put("b", 1))
            await backend.commit(_put("c", 1))
            assert [entry.key for entry in await backend.state.entries("s", 0)] == ["c"]
        finally:
            await backend.close()

    asyncio.run(run())


def test_a_callback_that_raises_costs_its_own_caller_alone_the_answer(tmp_path: Path) -> None:
    def raises(_: list[Any]) -> None:
        raise LookupError("after the commit")

    async def run() -> None:
        backend = _backend(tmp_path / "motia.db")
        await backend.open()
        async with asyncio.timeout(40):
            commits = [backend.commit(_put("a", 1)), backend.commit(_put("b", 1), raises)]
            results = await asyncio.gather(*commits, backend.commit(_put("c", 1)), return_exceptions=True)
        assert [isinstance(result, LookupError) for result in results] == [False, True, False]
        assert [entry.key for entry in await backend.state.entries("s", 0)] == ["a", "b", "c"]
        await backend.close()

    asyncio.run(run())


def test_a_failing_batch_costs_its_neighbours_no_commit_each(tmp_path: Path) -> None:
    """However many share the transaction, one bad batch must not turn it into one sync a batch."""

    async def run() -> None:
        backend = _backend(tmp_path / "motia.db")
        await backend.open()
        bad = StateUpdate(scope="s", key="a", operations=(UpdateOperation("append", (), 1),), now_ms=0)
        await backend.commit(_put("a", 1))
        await _in_writer(backend, lambda connection: None)
        before = backend.commits
        futures = [backend.commit(_enqueue(number)) for number in range(1, 500)]
        futures.append(backend.commit(Batch([bad])))
        results = await asyncio.gather(*futures, return_exceptions=True)
        assert [isinstance(result, Exception) for result in results] == [False] * 499 + [True]
        assert backend.commits - before < 20
        assert (await backend.queue.depths())[0].ready == 499
        await backend.close()

    asyncio.run(run())


def test_a_database_held_by_another_is_reported_once_for_all_who_wait(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(connection, "_BUSY_LIMIT_S", 0.5)

    async def run() -> None:
        path = tmp_path / "motia.db"
        backend = _backend(path)
        await backend.open()
        holder = connect(path, write=True)
        holder.execute("BEGIN IMMEDIATE")
        loop = asyncio.get_running_loop()
        started_s = loop.time()
        results = await asyncio.gather(
            *(backend.commit(_enqueue(number)) for number in range(1, 50)), return_exceptions=True
        )
        assert {getattr(result, "code", None) for result in results} == {"backend.busy"}
        assert loop.time() - started_s < 49 * 0.5, "each batch waited for itself"
        holder.execute("ROLLBACK")
        holder.close()
        await backend.commit(_enqueue(1))
        await backend.close()

    asyncio.run(run())


def test_pending_operations_counts_operations(tmp_path: Path) -> None:
    async def run() -> None:
        path = tmp_path / "motia.db"
        backend = _backend(path)
        await backend.open()
        holder = connect(path, write=True)
        holder.execute("BEGIN IMMEDIATE")
        pending = backend.commit(Batch([*_put("a", 1).operations, *_put("b", 1).operations]))
        assert backend.pending_operations() == 2
        holder.execute("ROLLBACK")
        holder.close()
        await pending
        assert backend.pending_operations() == 0
        await backend.close()

    asyncio.run(run())


def test_a_failed_read_is_a_backend_error(tmp_path: Path) -> None:
    async def run() -> None:
        backend = _backend(tmp_path / "motia.db")
        await backend.open()
        await _in_writer(backend, lambda connection: connection.execute("DROP TABLE state"))
        for read in (backend.state.get("s", "a", 0), backend.state.scopes(0)):
            with pytest.raises(BackendError, match="no such table"):
                await read
        await backend.close()

    asyncio.run(run())


def _code_of_open(path: Path) -> tuple[str, str]:
    async def run() -> tuple[str, str]:
        with pytest.raises(BackendError) as caught:
            await _backend(path).open()
        return caught.value.code, caught.value.hint or ""

    return asyncio.run(run())


def test_a_file_of_another_kind_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "motia.db"
    path.write_bytes(b"not a database " * 100)
    code, hint = _code_of_open(path)
    assert code == "backend.not_a_database"
    assert "database.url" in hint
    assert path.read_bytes() == b"not a database " * 100


def test_another_applications_database_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "motia.db"
    foreign = sqlite3.connect(path)
    foreign.execute("CREATE TABLE customers (a)")
    foreign.commit()
    foreign.close()
    assert _code_of_open(path)[0] == "backend.not_a_database"


def test_nothing_is_stored_in_a_file_that_was_deleted(tmp_path: Path) -> None:
    path = tmp_path / "motia.db"

    async def run() -> None:
        first, second, third = (_backend(path) for _ in range(3))
        await first.open()
        await first.commit(_put("a", 10))
        assert first.worn is None
        for file in tmp_path.glob("motia.db*"):
            file.unlink()
        with pytest.raises(BackendError) as caught:
            await first.commit(_put("b", 10))
        assert caught.value.code == "backend.moved"
        assert first.worn == caught.value.message
        await second.open()
        await second.commit(_put("c", 10))
        # Closing the deleted file leaves the log of the one that took its place.
        await first.close()
        await second.commit(_put("d", 10))
        await third.open()
        assert [entry.key for entry in await third.state.entries("s", 0)] == ["c", "d"]
        assert second.worn is third.worn is None
        await second.close()
        await third.close()

    asyncio.run(run())


def test_what_was_stored_is_saved_where_the_log_was_deleted(tmp_path: Path) -> None:
    path = tmp_path / "motia.db"

    async def run() -> None:
        first, second = _backend(path), _backend(path)
        await first.open()
        await first.commit(_put("a", 10))
        (tmp_path / "motia.db-wal").unlink()
        with pytest.raises(BackendError, match="-wal: was deleted") as caught:
            await first.commit(_put("b", 10))
        assert caught.value.code == "backend.moved"
        await first.close()
        await second.open()
        assert [entry.key for entry in await second.state.entries("s", 0)] == ["a"]
        await second.commit(_put("c", 10))
        await second.close()

    asyncio.run(run())


def test_states_on_disk_keep_their_numbers() -> None:
    """Files of every earlier version hold them."""
    assert (READY, SCHEDULED, BLOCKED, CLAIMED, AWAITS_KEY, AWAITS_RATE) == (0, 1, 2, 3, 4, 5)


def test_a_newer_file_is_refused_and_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "motia.db"
    newer = connect(path, write=True)
    migrate(newer, path)
    newer.execute("PRAGMA user_version = 999")
    newer.close()
    code, hint = _code_of_open(path)
    assert code == "backend.too_new"
    assert "upgrade" in hint


def test_a_folder_that_cannot_be_made_is_reported(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("x")
    assert _code_of_open(tmp_path / "file" / "motia.db")[0] == "backend.unavailable"


def test_a_full_disk_while_migrating_is_said(tmp_path: Path) -> None:
    path = tmp_path / "motia.db"
    fresh = connect(path, write=True)
    fresh.execute("PRAGMA max_page_count = 5")
    with pytest.raises(BackendError) as caught:
        migrate(fresh, path)
    assert caught.value.code == "backend.full"
    fresh.execute("PRAGMA max_page_count = 1000000")
    assert migrate(fresh, path)[0] == 0
    assert migrate(fresh, path)[0] > 0
    fresh.close()


def test_free_pages_are_given_back(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(checkpoint, "_FREE_PAGES_KEPT", 100)

    async def run() -> None:
        backend = _backend(tmp_path / "motia.db")
        await backend.open()
        await backend.commit(_put("a", 3_000_000))
        await backend.commit(Batch([StateDelete(scope="s", key="a", now_ms=0)]))
        free = [await _in_writer(backend, lambda connection: connection.execute("PRAGMA freelist_count").get)]
        while free[-1] > 100:
            await _in_writer(backend, backend._checkpointer.run)
            free.append(await _in_writer(backend, lambda c: c.execute("PRAGMA freelist_count").get))
            assert free[-1] < free[-2]
        assert len(free) == 3
        assert await _in_writer(backend, lambda c: c.execute("PRAGMA integrity_check").get) == "ok"
        await backend.close()

    asyncio.run(run())


def test_a_log_that_a_reader_holds_is_told_of_as_it_grows(tmp_path: Path) -> None:
    database, log = tmp_path / "motia.db", tmp_path / "motia.db-wal"
    told: list[str] = []
    clock = ManualClock()
    logs = LongLogs([database], clock, told.append)

    async def run() -> None:
        logs.start()  # there is no log yet
        for mebibytes in (255, 256, 511, 512, 64, 300):
            with log.open("wb") as file:
                file.truncate(mebibytes * 2**20)  # takes no room
            await clock.advance(1)
        logs.stop()
        await clock.advance(1)

    asyncio.run(run())
    assert [line.split(" that ")[0] for line in told] == [
        f"{log}: 256 MiB",
        f"{log}: 512 MiB",
        f"{log}: 64 MiB: it is short again",
        f"{log}: 300 MiB",
    ]
    assert f"fuser -v {database}" in told[0]
    [finding] = check_logs({database: log_bytes(database), tmp_path / "trace.db": 0})
    assert finding.level == "warning"
    assert finding.message in told[-1]
