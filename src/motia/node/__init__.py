"""The process that runs a node. `life.py` is what it does, from spare to exit."""
