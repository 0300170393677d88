"""One receipt an order, however often it is asked for within a day; retries depend on the error."""

from motia import Context, queue, step


def again(error: Exception, attempt: int) -> object:
    return False if isinstance(error, ValueError) else "1s"


@step(queue("receipt.print", dedupe="order", retry=again))
async def print_receipt(order: int, ctx: Context) -> None:
    if order == 4:
        raise ValueError("no such order")
    await ctx.state.increment("receipts", str(order))
