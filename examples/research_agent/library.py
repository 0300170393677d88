"""The texts that the agents may search: a folder of Markdown, ranked by the words shared with a query."""

import re
from functools import cache
from math import log
from pathlib import Path

_FOLDER = Path(__file__).parent / "corpus"
_FILLERS = re.compile(
    r"(an?|and|are|as|at|by|did|do|does|for|from|how|in|is|it|of|on|or|the|to|was|what|with)"
)


@cache
def _texts() -> dict[str, str]:
    """The texts by their titles."""
    found = {}
    for path in sorted(_FOLDER.glob("*.md")):
        title, _, text = path.read_text("utf-8").partition("\n")
        found[title.removeprefix("# ")] = " ".join(text.split())
    return found


def search(query: str, *, limit: int = 2) -> list[dict[str, str]]:
    """The texts that fit best, the best first; rare words count for more, those of a title twice."""
    texts = {title: (_words(title), _words(text)) for title, text in _texts().items()}
    scores = dict.fromkeys(texts, 0.0)
    for word in _words(query):
        holding = [title for title, (head, body) in texts.items() if word in head | body]
        for title in holding:
            scores[title] += (1 + (word in texts[title][0])) * log(1 + len(texts) / len(holding))
    best = sorted((title for title in scores if scores[title]), key=lambda title: -scores[title])
    return [{"source": title, "text": _texts()[title]} for title in best[:limit]]


def _words(text: str) -> set[str]:
    return {word for word in re.findall(r"\w+", text.lower()) if not _FILLERS.fullmatch(word)}
