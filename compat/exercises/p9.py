"""P9: retries, dead letters kept by hand, chains, counters."""

from __future__ import annotations

from application import Application, Lines, eventually

LINES = Lines()


@LINES.add("POST /queue-tests/trigger all → 200, and within 60 s every result")
def all_tests(app: Application) -> None:
    answer = app.ask("POST", "/queue-tests/trigger", {"testType": "all"}, status=200)
    assert (answer["success"], answer["emittedEvents"]) == (True, 8)

    def told() -> bool:
        text = str(app.ask("GET", f"/queue-tests/results?traceId={answer['traceId']}", status=200))
        return "recovered" in text and "chain" in text

    eventually(told, 60)


@LINES.add("a permanent error → an entry of the application's own dead letters that cannot be retried")
def permanent(app: Application) -> None:
    app.ask("POST", "/queue-tests/trigger", {"testType": "error-permanent"}, status=200)

    def entries() -> list[dict[str, object]]:
        answer = app.ask("GET", "/queue-tests/dlq", status=200)
        found: list[dict[str, object]] = next(value for value in answer.values() if isinstance(value, list))
        return found

    eventually(lambda: any(entry.get("canRetry") is False for entry in entries()), 30)
    entry = next(entry for entry in entries() if entry.get("canRetry") is False)
    app.ask("POST", f"/queue-tests/dlq/retry/{entry['id']}", {}, status=400)
    app.ask("DELETE", f"/queue-tests/dlq/{entry['id']}", status=200)


@LINES.add("DELETE /queue-tests/results → 200; health → healthy")
def clear(app: Application) -> None:
    app.ask("DELETE", "/queue-tests/results", status=200)
    assert "healthy" in str(app.ask("GET", "/queue-tests/health", status=200))
