"""One request that sends every kind of message at once."""

from motia import Context, http, step


@step(http("POST", "/burst"), enqueues=["page.print", "page.index", "page.export", "receipt.print"])
async def burst(ctx: Context) -> dict[str, int]:
    pages = [{"user": f"user-{number % 3}", "number": number, "urgency": number % 2} for number in range(30)]
    await ctx.enqueue([{"topic": "page.print", "data": page} for page in pages])
    for page in pages:
        await ctx.enqueue("page.index", {"document": "handbook", "number": page["number"]})
    await ctx.enqueue([{"topic": "page.export", "data": page} for page in pages])
    receipts = [await ctx.enqueue("receipt.print", {"order": number % 5}) for number in range(20)]
    return {"pages": len(pages), "receipts": len(set(receipts))}
