"""Languages: how step files of each are loaded and their functions run. `protocol.py` is the seam."""
