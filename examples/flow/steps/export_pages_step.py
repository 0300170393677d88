"""Up to ten pages in one call."""

from pydantic import BaseModel

from motia import Context, queue, step


class Page(BaseModel):
    user: str
    number: int


@step(queue("page.export", batch={"size": 10, "wait": "200ms"}))
async def export_pages(pages: list[Page], ctx: Context) -> None:
    await ctx.state.increment("exported", "pages", len(pages))
    await ctx.state.increment("exported", "calls")
