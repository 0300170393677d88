"""Frozen vocabulary and pure functions that every other part speaks.

Nothing here does I/O, knows a library outside the standard one, or imports a feature. The words are
those of `docs/glossary.md`: step, trigger, occurrence, invocation, outcome, message, delivery, claim.
"""
