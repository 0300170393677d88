"""Python scores the text."""

from __future__ import annotations

from pydantic import BaseModel

from motia import Context, queue, step

GOOD = {"good", "great", "love", "lovely", "fine"}
BAD = {"bad", "poor", "broken", "late", "hate"}


class Review(BaseModel):
    id: str
    product: str
    text: str


@step(queue("review.submitted"), name="ScoreReview", enqueues=["review.scored"], flows=["reviews"])
async def score_review(review: Review, ctx: Context) -> None:
    words = review.text.lower().split()
    score = sum(word in GOOD for word in words) - sum(word in BAD for word in words)
    await ctx.enqueue("review.scored", {**review.model_dump(), "score": score})
