"""Of a burst of changes to a document only the last is worth the work."""

from motia import Context, queue, step


@step(queue("page.index", debounce={"period": "300ms", "key": "document", "max": "5s"}))
async def index_page(document: str, number: int, ctx: Context) -> None:
    await ctx.state.set("indexed", document, number)
