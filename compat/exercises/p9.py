"""P9: retries, dead letters kept by hand, chains, counters."""

from __future__ import annotations

from typing import Any

from application import Application, Lines, eventually

LINES = Lines()


@LINES.add("POST /queue-tests/trigger all → 200, and within 60 s every result of its trace")
def all_tests(app: Application) -> None:
    answer = app.ask("POST", "/queue-tests/trigger", {"testType": "all"}, status=200)
    assert (answer["success"], answer["emittedEvents"]) == (True, 8)
    trace = answer["traceId"]

    def results(kind: str) -> list[dict[str, Any]]:
        found = app.ask("GET", f"/queue-tests/results?traceId={trace}&testType={kind}", status=200)
        listed: list[dict[str, Any]] = found["results"]
        return listed

    for kind, count in (("chain", 1), ("parallel", 3), ("heavy", 1), ("state", 1), ("error-recovery", 1)):
        eventually(lambda kind=kind, count=count: len(results(kind)) == count, 60)  # type: ignore[misc]  # bound now
    (chain,) = results("chain")
    assert (chain["totalSteps"], chain["totalProcessingMs"]) == (3, 650)
    (recovery,) = results("error-recovery")
    assert (recovery["status"], recovery["totalAttempts"]) == ("recovered", 3)


@LINES.add("a permanent error → an entry of its own dead letters that cannot be retried, and is discarded")
def permanent(app: Application) -> None:
    app.ask("POST", "/queue-tests/trigger", {"testType": "error-permanent"}, status=200)

    def entries() -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = app.ask("GET", "/queue-tests/dlq", status=200)["entries"]
        return [entry for entry in found if entry.get("canRetry") is False]

    eventually(entries, 30)
    (entry,) = entries()
    app.ask("POST", f"/queue-tests/dlq/retry/{entry['id']}", {}, status=400)
    app.ask("DELETE", f"/queue-tests/dlq/{entry['id']}", status=200)


@LINES.add("DELETE /queue-tests/results → 200 and none left; health → healthy")
def clear(app: Application) -> None:
    app.ask("DELETE", "/queue-tests/results", status=200)
    assert app.ask("GET", "/queue-tests/results", status=200)["results"] == []
    assert app.ask("GET", "/queue-tests/health", status=200)["status"] == "healthy"
