"""The conformance suite of workers: what the process that runs steps of a language must do.

An author of a worker runs it from a test of their own. `files` are two step files in the worker's language,
`steps/suite.step.<extension>` and `steps/broken.step.<extension>`; `suite.py` says what the first does.

    asyncio.run(run_worker_checks(["ruby", "worker.rb"], files))

Every message of the worker is held against `motia/runtimes/protocol.schema.json`.
"""

from __future__ import annotations

from motia.testing.conformance.worker.running import run_worker_checks, worker_checks

__all__ = ["run_worker_checks", "worker_checks"]
