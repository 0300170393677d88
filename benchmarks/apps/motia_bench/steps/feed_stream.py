"""A stream that many follow."""

config = {"name": "feed"}
