"""Two pages of one user at a time, the urgent ones first, ten a second in all."""

from motia import Context, queue, step


@step(
    queue(
        "page.print",
        concurrency={"limit": 2, "key": "user"},
        rate_limit="10/second",
        priority="urgency",
        ttl="10m",
    )
)
async def print_page(user: str, number: int, ctx: Context) -> None:
    await ctx.state.increment("printed", user)
