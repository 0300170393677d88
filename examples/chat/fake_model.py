"""A language model that is none: the same question always gets the same answer, token by token."""

import asyncio
import os
import random
import re
from collections.abc import AsyncIterator

_OPENINGS = ["That is a good question.", "Let me think aloud.", "In short: it depends.", "Gladly."]
_SUBJECTS = ["A step", "The stream", "A durable queue", "Your page", "The worker", "A restarted node"]
_VERBS = ["keeps", "remembers", "repeats", "shows", "waits for", "never loses"]
_OBJECTS = [
    "every token",
    "the whole answer",
    "what was said before",
    "the next word",
    "its place",
    "the thread",
]
_SENTENCES = 12


async def tokens(question: str, *, after: str = "") -> AsyncIterator[str]:
    """What is left to say of the answer, a token at a time, at about the pace of a real model."""
    pause_s = float(os.environ.get("CHAT_TOKEN_PAUSE_S", "0.03"))
    for token in re.findall(r"\S+\s*", answer_to(question).removeprefix(after)):
        await asyncio.sleep(pause_s)
        yield token


def answer_to(question: str) -> str:
    """The whole answer at once."""
    dice = random.Random(question)
    sentences = [
        f"{dice.choice(_SUBJECTS)} {dice.choice(_VERBS)} {dice.choice(_OBJECTS)}." for _ in range(_SENTENCES)
    ]
    return " ".join([dice.choice(_OPENINGS), f'You asked: "{question}".', *sentences])
