"""The supervisor's small parts: stall reports, runtime directory and lock, listeners, events."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from motia.errors import SettingsError
from motia.runtimes.worker.process import WorkerEvent
from motia.server.node_app import find_factory
from motia.settings import Settings
from motia.settings.runtime_dir import runtime_dir
from motia.supervisor.events import Listening, LoadFailed, NodeDied, NodeServing, NodeStalled, describe
from motia.supervisor.listeners import open_listeners, open_project
from motia.supervisor.lock import SupervisorLock
from motia.supervisor.stall import Patience, Place, hangs, judge, place_of_stall
from motia.supervisor.workers import joined, kinds_changed


def test_patience_by_mode_and_order() -> None:
    development = Patience.of(Settings(mode="development"), None)
    assert (development.report_s, development.kill_s) == (2.0, 905.0)
    assert Patience.of(Settings(mode="production"), 7.0) == Patience(5.0, 7.0)

    def judged(*silent_s: float, drained: bool = False) -> list[str]:
        return [judge(one_s, Patience(2.0, 9.0), drained=drained) for one_s in silent_s]

    assert judged(1.9, 2.1, 9.1) == ["well", "stalled", "kill"]
    # It beats no more and has only to exit.
    assert judged(1.9, 9.1, 11.0, drained=True) == ["well", "well", "kill"]


def test_a_load_gives_way_to_newer_code_once_it_takes_twice_its_time() -> None:
    assert [hangs(loading_s, usual_s=5.0) for loading_s in (2.1, 9.9, 10.1)] == [False, False, True]


DUMP = """Timeout (0:00:01.600000)!
Thread 0x00007f0000000002 (most recent call first):
  File "/usr/lib/python3.11/threading.py", line 320 in wait
  File "{project}/other_step.py", line 3 in other
Thread 0x00007f0000000001 (most recent call first):
  File "/usr/lib/python3.11/re/__init__.py", line 166 in match
  File "{project}/.venv/lib/python3.11/site-packages/x.py", line 7 in deep
  File "{project}/steps/slow_step.py", line 12 in handler
  File "{project}/node_modules/x.py", line 9 in outer
"""


def test_place_is_the_innermost_line_of_the_project_on_the_loop_thread(tmp_path: Path) -> None:
    text = DUMP.format(project=tmp_path)
    found = place_of_stall(text, project_dir=tmp_path, thread=0x7F0000000001)
    assert found == Place("steps/slow_step.py", 12, "handler")
    assert str(found) == "steps/slow_step.py:12 in handler"
    newest = text + text.replace("line 12 in handler", "line 15 in handler")
    found = place_of_stall(newest, project_dir=tmp_path, thread=0x7F0000000001)
    assert found is not None
    assert found.line == 15


def test_place_of_a_fatal_signal_is_its_thread(tmp_path: Path) -> None:
    text = DUMP.format(project=tmp_path).replace(
        "Thread 0x00007f0000000002", "Current thread 0x00007f0000000002"
    )
    found = place_of_stall(text, project_dir=tmp_path, thread=0x7F0000000001)
    assert found == Place("other_step.py", 3, "other")


def test_place_without_project_code_or_without_a_dump(tmp_path: Path) -> None:
    text = DUMP.format(project="/elsewhere")
    found = place_of_stall(text, project_dir=tmp_path, thread=0x7F0000000001)
    assert found == Place("/usr/lib/python3.11/re/__init__.py", 166, "match")
    assert place_of_stall("", project_dir=tmp_path) is None
    assert place_of_stall("junk\n", project_dir=tmp_path, thread=5) is None


def test_runtime_dir_is_private_and_one_per_project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(tmp_path))
    first = runtime_dir(Settings(project_dir=tmp_path / "a"))
    assert first == runtime_dir(Settings(project_dir=tmp_path / "b" / ".." / "a"))
    assert first != runtime_dir(Settings(project_dir=tmp_path / "b"))
    assert first.stat().st_mode & 0o777 == 0o700
    first.chmod(0o755)
    with pytest.raises(SettingsError, match="mode 0755"):
        runtime_dir(Settings(project_dir=tmp_path / "a"))


def test_runtime_dir_without_xdg_is_in_the_temp_dir(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("XDG_RUNTIME_DIR", raising=False)
    monkeypatch.setattr("tempfile.gettempdir", lambda: str(tmp_path))
    assert runtime_dir(Settings(project_dir=tmp_path)).parent == tmp_path / f"motia-{os.getuid()}"
    (tmp_path / f"motia-{os.getuid()}").chmod(0o777)
    with pytest.raises(SettingsError):
        runtime_dir(Settings(project_dir=tmp_path))


def test_lock_is_exclusive_says_who_holds_it_and_comes_free(tmp_path: Path) -> None:
    first, second = SupervisorLock(tmp_path), SupervisorLock(tmp_path)
    first.take(tmp_path)
    first.tell(port=3001)
    with pytest.raises(SettingsError, match=rf"running as process {os.getpid()} on port 3001") as caught:
        second.take(tmp_path)
    assert caught.value.code == "project.running"
    first.release()
    first.release()
    assert not second.take(tmp_path)
    second.release()


def test_a_lock_says_whether_its_last_holder_was_killed(tmp_path: Path) -> None:
    killed = "import os, sys; from pathlib import Path; from motia.supervisor.lock import SupervisorLock;"
    killed += "SupervisorLock(Path(sys.argv[1])).take(Path('.')); os._exit(0)"
    subprocess.run([sys.executable, "-c", killed, str(tmp_path)], check=True)
    for found in (True, False):
        lock = SupervisorLock(tmp_path)
        assert lock.take(tmp_path) is found
        lock.release()


def test_listeners_share_a_port_and_a_taken_one_is_an_error() -> None:
    listeners = open_listeners("127.0.0.1", 0, 3)
    try:
        ports = {listener.getsockname()[1] for listener in listeners}
        assert len(ports) == 1
        (port,) = ports
        listeners[0].listen()
        with pytest.raises(SettingsError, match=f"port {port}") as caught:
            open_listeners("127.0.0.1", port, 3, option="--workbench-port")
        assert "--workbench-port" in (caught.value.hint or "")
        with pytest.raises(SettingsError, match=f"port {port}"):
            open_listeners("127.0.0.1", port, 1)
    finally:
        for listener in listeners:
            listener.close()


def test_listeners_of_an_unknown_host() -> None:
    with pytest.raises(SettingsError, match="address of this machine"):
        open_listeners("192.0.2.1", 0, 1)


def test_a_taken_workbench_port_leaves_nothing_open(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        settings = Settings.model_validate({"port": 0, "workbench": {"port": taken.getsockname()[1]}})
        with pytest.raises(SettingsError, match="--workbench-port"):
            open_project(settings, tmp_path)
    listeners = open_project(
        Settings.model_validate({"port": 0, "nodes": 2, "workbench": {"port": 0}}), tmp_path
    )
    assert set(listeners.of_slot(0)) == {"api", "workbench", "control"}
    assert listeners.of_slot(0)["control"] == listeners.of_slot(1)["control"]
    listeners.close()


def test_the_ports_of_a_killed_predecessor_are_waited_for_a_moment(tmp_path: Path) -> None:
    dying = socket.create_server(("127.0.0.1", 0))
    no_console = Settings.model_validate(
        {"port": dying.getsockname()[1], "nodes": 2, "workbench": {"enabled": False}}
    )
    waited_s: list[float] = []

    def no_change(delay_s: float) -> None:
        waited_s.append(delay_s)

    def dies_at_last(delay_s: float) -> None:
        waited_s.append(delay_s)
        if len(waited_s) == 3:
            dying.close()

    for after_kill, expected_s in ((False, 0.0), (True, 2.0)):
        waited_s.clear()
        with pytest.raises(SettingsError, match="one that another program uses"):
            open_project(no_console, tmp_path, after_kill=after_kill, sleep=no_change)
        assert sum(waited_s) == pytest.approx(expected_s)
    waited_s.clear()
    open_project(no_console, tmp_path, after_kill=True, sleep=dies_at_last).close()
    assert len(waited_s) == 3


def test_events_read_well() -> None:
    place = Place("steps/a_step.py", 4, "handler")
    stalled = NodeStalled(slot=0, pid=9, silent_s=2.14, killed=False, place=place, running=["a"])
    text, hint = describe(stalled)
    assert text.startswith("node 0 (pid 9) does not respond, it has stood still for 2.1 s")
    assert text.endswith(" at steps/a_step.py:4 in handler (running: a)")
    assert hint.startswith("  hint: an `async def` must not block")
    loading = NodeStalled(slot=0, pid=9, silent_s=2.14, killed=False, place=None, loading=True)
    assert describe(loading) == ["node 0 (pid 9) is still loading the project after 2.1 s"]
    (text,) = describe(replace(loading, killed=True))
    assert text == "node 0 (pid 9) is still loading the project after 2.1 s: it makes room for newer code"
    still = WorkerEvent(
        what="stalled", worker="node", languages=("typescript", "javascript"), pid=7, text="it hangs"
    )
    running = {"python": ["x"], "javascript": ["a"], "typescript": ["b", "c", "b"]}
    assert describe(still.beside(running)) == ["the node worker (pid 7): it hangs (running: b ×2, c, a)"]
    many = still.beside({"typescript": [f"s{number}" for number in range(12)]})
    assert describe(many)[0].endswith(", s8, s9 and 2 more)")
    assert still.beside({"python": ["x"]}) == still
    local = Listening(host="127.0.0.1", port=1, workbench_port=2, workbench_token="t")
    assert describe(local)[1:] == ["Workbench  http://127.0.0.1:2/#token=t"]
    opened = replace(local, host="0.0.0.0")  # told, not bound
    assert "other machines reach this host" in describe(opened)[2]
    assert len(describe(replace(opened, workbench_port=None))) == 1
    died = NodeDied(slot=1, pid=9, exit_code=-11, retry_s=0.2, place=None)
    assert describe(died) == ["node 1 (pid 9) died: SIGSEGV; the next starts in 0.2 s"]
    assert describe(replace(died, slot=None, retry_s=None)) == ["the spare node (pid 9) died: SIGSEGV"]
    newer = replace(died, exit_code=3, loading=True, retry_s=None)
    said = "node 1 (pid 9) died as it loaded the project: exit code 3; the code from before goes on serving"
    assert describe(newer) == [said]
    failed = LoadFailed(slot=0, pid=9, error={"type": "X", "message": "no"}, old_serves=True)
    assert describe(failed) == ["the project does not load; the code from before goes on serving:", "no"]
    full = LoadFailed(
        slot=0, pid=9, error={"type": "X", "message": "full", "operator": True}, old_serves=False
    )
    assert describe(full) == ["a node does not start:", "full"]
    banner = {"lines": ["GET /a"], "problems": ["b is broken"]}
    first = NodeServing(slot=0, pid=9, took_s=0.1, first=True, banner=banner)
    assert describe(first) == ["GET /a", "b is broken"]
    again = NodeServing(slot=0, pid=9, took_s=0.1, first=False, banner=banner)
    assert describe(again) == ["b is broken"]


@pytest.mark.parametrize("name", ["nocolon", ":x", "x:", "motia.errors:Nothing"])
def test_a_wrong_app_name(name: str) -> None:
    with pytest.raises(SettingsError, match="expected"):
        find_factory(name)


@pytest.mark.parametrize(
    ("changed", "expected"),
    [
        (["steps/a.step.ts"], ({"node"}, False)),
        (["steps/a_step.py", "steps/b.step.js"], ({"node"}, True)),
        (["motia.config.ts"], ({"node"}, True)),  # settings of the nodes, functions of the worker
        (["motia.toml"], (set(), True)),
    ],
)
def test_a_changed_file_concerns_its_worker_or_the_nodes(
    changed: list[str], expected: tuple[set[str], bool]
) -> None:
    assert kinds_changed(changed) == expected


def test_a_reload_of_everything_is_not_narrowed_by_a_save_before_or_after_it() -> None:
    save, other, everything = frozenset({"a.py"}), frozenset({"b.ts"}), frozenset[str]()
    assert joined(None, save) == save
    assert joined(save, other) == save | other
    assert joined(None, everything) == joined(save, everything) == joined(everything, save) == everything
