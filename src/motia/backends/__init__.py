"""Where everything is stored. `protocol.py` is the seam, each folder one implementation.

A backend is chosen by the scheme of the database URL in `motia.adapters`; nothing else names one.
"""
