"""The slot's state machine, step by step and over random histories."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from motia.supervisor.slot import Drain, Effect, Load, Retry, Slot, Take


def serving(pid: int = 1, **more: object) -> Slot:
    slot, effects = Slot(number=0, **more).load()  # type: ignore[arg-type]
    assert effects == [Load()]
    slot, effects = slot.loading_in(pid).ready(pid)
    assert effects == [Take(pid)]
    slot, effects = slot.served(pid, 100.0)
    assert effects == []
    return slot


def test_start() -> None:
    slot = serving()
    assert slot.state == "serving"
    assert slot.pids == {1}


def test_reload_drains_the_old_only_when_the_new_serves() -> None:
    slot, effects = serving().load()
    assert effects == [Load()]
    slot = slot.loading_in(2)
    assert slot.state == "replacing"
    assert slot.load() == (slot, [])
    slot, effects = slot.ready(2)
    assert effects == [Take(2)]
    slot, effects = slot.served(2, 101.0)
    assert effects == [Drain(1)]
    assert (slot.state, slot.pids) == ("serving", {1, 2})
    slot, effects = slot.died(1, 102.0)
    assert (effects, slot.pids) == ([], {2})


def test_code_that_does_not_load_leaves_the_old_alone() -> None:
    for keep_retrying in (True, False):
        slot = serving(keep_retrying=keep_retrying).load()[0].loading_in(2)
        slot, effects = slot.load_failed(2)
        assert (slot.state, effects) == ("serving", [])
        slot, effects = slot.died(2, 101.0)
        assert (slot.serving, effects, slot.pids) == (1, [], {1})


def test_newer_code_that_died_does_not_delay_what_comes_after_a_death_of_the_old() -> None:
    slot = serving().load()[0].loading_in(2).died(2, 100.5)[0]
    assert slot.died(1, 101.0)[1] == [Retry(0.0)]


def test_first_code_that_does_not_load() -> None:
    slot, effects = Slot(number=0, keep_retrying=False).load()[0].loading_in(1).load_failed(1)
    assert (slot.state, effects) == ("broken", [])
    slot, effects = Slot(number=0).load()[0].loading_in(1).load_failed(1)
    assert (slot.state, effects) == ("backoff", [Retry(0.1)])


def test_code_that_never_served_is_tried_ever_more_seldom() -> None:
    slot = Slot(number=0).load()[0]
    delays = []
    for pid in range(1, 11):
        slot, effects = slot.loading_in(pid).died(pid, 100.0)
        delays += [effect.delay_s for effect in effects if isinstance(effect, Retry)]
        slot = slot.retry()[0]
    assert delays[:4] == [0.1, 0.2, 0.4, 0.8]
    assert delays[-1] == 10.0


def test_a_slot_that_served_begins_again_at_once_then_within_two_seconds_and_resets_after_health() -> None:
    slot = serving()
    delays = []
    for pid in range(1, 11):
        slot, effects = slot.died(pid, 100.5)
        delays += [effect.delay_s for effect in effects if isinstance(effect, Retry)]
        assert slot.state == "backoff"
        slot, effects = slot.retry()
        assert effects == [Load()]
        slot = slot.loading_in(pid + 1).served(pid + 1, 100.0)[0]
    assert delays[:4] == [0.0, 0.1, 0.2, 0.4]
    assert delays[-1] == 2.0
    assert slot.died(11, 110.0)[1] == [Retry(0.0)]


def test_death_of_the_old_during_a_reload_waits_for_the_new() -> None:
    slot = serving().load()[0].loading_in(2)
    slot, effects = slot.died(1, 101.0)
    assert (slot.state, effects) == ("starting", [])
    assert slot.died(2, 101.0)[1] == [Retry(0.1)]


def test_a_change_does_not_wait_for_the_backoff() -> None:
    slot = serving().died(1, 100.0)[0]
    slot, effects = slot.load()
    assert effects == [Load()]
    assert slot.loading_in(2).retry()[1] == []


def test_stop_drains_everything_and_starts_nothing() -> None:
    slot = serving().load()[0].loading_in(2)
    slot, effects = slot.stop()
    assert effects == [Drain(1), Drain(2)]
    assert slot.state == "draining"
    assert slot.ready(2)[1] == slot.load()[1] == slot.retry()[1] == slot.stop()[1] == []
    slot = slot.died(2, 1.0)[0].died(1, 1.0)[0]
    assert slot.state == "stopped"


@settings(deadline=None)
@given(st.lists(st.tuples(st.sampled_from("lrsfdxt"), st.integers(0, 5)), max_size=60), st.booleans())
def test_any_history(history: list[tuple[str, int]], keep_retrying: bool) -> None:
    """At most one node serves and one loads; every process is accounted for; a stop starts nothing."""
    slot = Slot(number=0, keep_retrying=keep_retrying)
    alive: list[int] = []
    made = 0
    for now, (what, which) in enumerate(history):
        effects: list[Effect] = []
        pid = alive[which % len(alive)] if alive else -1
        match what:
            case "l":
                slot, effects = slot.load()
            case "r":
                slot, effects = slot.ready(pid)
            case "s":
                slot, effects = slot.served(pid, now)
            case "f":
                slot, effects = slot.load_failed(pid)
            case "d" if alive:
                alive.remove(pid)
                slot, effects = slot.died(pid, now)
            case "x":
                slot, effects = slot.stop()
            case "t":
                slot, effects = slot.retry()
        for effect in effects:
            if isinstance(effect, Load):
                assert not slot.stopping
                assert slot.loading is None
                made += 1
                alive.append(made)
                slot = slot.loading_in(made)
            elif isinstance(effect, Take | Drain):
                assert effect.pid in alive
        assert slot.pids == set(alive)
        if slot.stopping:
            assert slot.serving is slot.loading is None
            assert (slot.state == "stopped") == (not alive)
        elif keep_retrying and made and slot.serving is None and slot.loading is None:
            assert slot.waiting  # somebody will start one
