"""Python handlers in processes of their own: `pool.py` is the node's side, `child.py` the other."""
