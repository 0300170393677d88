"""The conformance suite: what every backend must do, one check a promise.

A backend author runs it from a test of their own:

    @pytest.mark.parametrize("check", checks(MyBackend.capabilities), ids=str)
    def test_my_backend(check, database):
        async def make_backend(node_id):
            return MyBackend(database, node_id)

        asyncio.run(check.run(make_backend))

Put `pytest.register_assert_rewrite("motia.testing.conformance")` before the import to see the values of a
failed comparison.
"""

from __future__ import annotations

from motia.testing.conformance.harness import Check, MakeBackend, Node, Nodes
from motia.testing.conformance.selection import checks

__all__ = ["Check", "MakeBackend", "Node", "Nodes", "checks"]
