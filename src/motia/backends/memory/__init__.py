"""A backend that lives in this process: for tests, experiments and `memory:` projects.

It keeps the same bytes that a database would keep and passes the same conformance suite. It is also the
shortest complete statement of what the operations mean: read `operations.py`.
"""
