"""Which versions of a language's program are old."""

from __future__ import annotations

import pytest

from motia.errors import WorkerError
from motia.runtimes.worker.kinds import WORKER_KINDS

NODE = next(kind for kind in WORKER_KINDS if kind.name == "node")


@pytest.mark.parametrize("version", ["20.0.0", "v20.20.2", "24.1.0", "20"])
def test_new_enough(version: str) -> None:
    NODE.check_version(version)


@pytest.mark.parametrize("version", ["18.19.1", "v16.0.0", "none"])
def test_too_old(version: str) -> None:
    with pytest.raises(WorkerError, match=r"expected Node.js 20 or newer") as refused:
        NODE.check_version(version)
    assert refused.value.code == "runtime.too_old"
    assert "install Node.js" in str(refused.value.hint)
