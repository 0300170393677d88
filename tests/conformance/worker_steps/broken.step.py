config = {"name": "Broken"}

raise RuntimeError("broken on purpose")
