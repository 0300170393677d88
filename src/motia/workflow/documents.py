"""Runs as the JSON that the command line and the console show. Pure."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from motia import encoding
from motia.core.ids import format_id
from motia.core.workflow import STATUS_MARKER, UNDO_MARKER, JournalEntry, RunSummary
from motia.workflow.approvals import ApprovalLinks, approval_document


def run_document(run: RunSummary) -> dict[str, Any]:
    """One run in a list."""
    return {
        "id": format_id(run.id.message_id),
        "step": run.id.step,
        "topic": run.topic,
        "status": run.status,
        "started_at_ms": run.started_at_ms,
        "ended_at_ms": run.ended_at_ms,
        "due_at_ms": run.due_at_ms,
        "trace_id": run.trace.trace_id,
        "entries": run.entries,
        "held": None if run.held is None else _held(run.held),
    }


def run_detail(
    run: RunSummary,
    entries: Iterable[JournalEntry],
    links: ApprovalLinks,
    *,
    now_ms: int,
    value_bytes: int | None = None,
) -> dict[str, Any]:
    """One run with all it did, asks people and waits for.

    A value of more than `value_bytes` is shown by its head.
    """
    every = list(entries)
    named = [entry for entry in every if not entry.name.startswith("$")]
    pending = [entry for entry in named if run.ended_at_ms is None and not _is_over(entry, now_ms)]
    undo = next((entry for entry in every if entry.name == UNDO_MARKER), None)
    return {
        **run_document(run),
        "custom_status": custom_status(every),
        "input": _value(run.input, value_bytes),
        "output": _value(run.output, value_bytes),
        "error": _value(run.error, value_bytes),
        "undo": None if undo is None else {"at_ms": undo.at_ms, "cause": _value(undo.error, value_bytes)},
        "journal": [_entry_document(entry, now_ms, value_bytes) for entry in named],
        "timers": [
            {"name": entry.name, "kind": entry.kind, "due_at_ms": entry.due_at_ms}
            for entry in pending
            if entry.kind == "sleep" or entry.status == "retrying"
        ],
        "waits": [
            {"name": entry.name, "kind": entry.kind, "due_at_ms": entry.due_at_ms}
            for entry in pending
            if entry.kind in ("wait", "call")
        ],
        "approvals": [
            approval_document(run.id, entry, links)
            for entry in pending
            if entry.kind == "approval" and undo is None
        ],
    }


def custom_status(entries: Iterable[JournalEntry]) -> Any:
    """What a run says of where it stands; None where it has said nothing."""
    said = next((entry.value for entry in entries if entry.name == STATUS_MARKER), None)
    return None if said is None else encoding.decode(said)


def _held(marker: JournalEntry) -> dict[str, Any]:
    """Why a run is held: the recorded call, as it was and as the code has it now."""
    cause = encoding.decode(marker.error or b"{}")
    details = cause.get("details") or {}
    parts = {name: details.get(name, "") for name in ("step", "old", "new")}
    return {"at_ms": marker.at_ms, **parts, "cause": cause}


def _is_over(entry: JournalEntry, now_ms: int) -> bool:
    """Whether nothing more will come of an entry. A sleep is not written again when its time has come."""
    if entry.kind == "sleep":
        return entry.due_at_ms is None or entry.due_at_ms <= now_ms
    late = entry.kind == "approval" and entry.due_at_ms is not None and entry.due_at_ms <= now_ms
    return late or entry.status in ("done", "failed")


def _entry_document(entry: JournalEntry, now_ms: int, value_bytes: int | None) -> dict[str, Any]:
    slept = entry.kind == "sleep" and _is_over(entry, now_ms)
    asked = entry.kind == "approval" and entry.status == "waiting"
    return {
        "name": entry.name,
        "kind": entry.kind,
        "status": "done" if slept else entry.status,
        "at_ms": entry.at_ms,
        "version": entry.version,
        "attempts": entry.attempts,
        "due_at_ms": entry.due_at_ms,
        "value": None if asked else _value(entry.value, value_bytes),
        "error": _value(entry.error, value_bytes),
    }


def _value(text: bytes | None, most_bytes: int | None) -> Any:
    if text is None:
        return None
    if most_bytes is not None and len(text) > most_bytes:
        return {"$truncated_bytes": len(text), "head": text[:most_bytes].decode("utf-8", "ignore")}
    return encoding.decode(text)
