"""Types of a project's steps, for the editors of those who write them."""
