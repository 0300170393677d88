"""The default backend: one SQLite file, opened by every node on the machine.

Authority: the file. A node's memory holds only claims it can lose. Durability: WAL with
`synchronous=FULL`, so a resolved commit survives a power cut. Concurrency: each node has one writer
connection in a thread of its own that merges waiting batches into one transaction (group commit), one
read connection on the event loop for point reads, and one in a thread for scans. Exactly one node, the
holder of `checkpoint.lock`, moves the WAL into the file.

    commit() ─► SimpleQueue ─► Writer thread ─► BEGIN IMMEDIATE … COMMIT ─► futures resolve on the loop
"""
