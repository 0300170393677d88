"""What can be written to storage, a file for each feature. `core/batch.py` joins them."""
