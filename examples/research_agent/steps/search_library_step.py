"""A tool of the researchers: an ordinary step, with its own queue, retries and limits."""

from library import search

from motia import queue, step


@step(
    queue("library.searched", concurrency=4),
    description="Search the library. Gives the texts that fit best.",
    flows=["research"],
)
async def search_library(query: str) -> list[dict[str, str]]:
    return search(query)
