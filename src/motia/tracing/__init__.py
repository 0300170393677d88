"""What is recorded of every execution, and how it reaches a person.

    handlers, engine ─► Recorder ─► TraceWriter (own thread) ─► Packer ─► sinks: trace store, console
     (under 1 µs)        │ bounded     ≤ 100 ms or 2,000 records    describe, redact, cap
                         └─► subscribers: every record and event at once, not redacted

`catalogue.py` lists every event. Nothing is stored or printed that has not passed `redaction.py`.
"""
