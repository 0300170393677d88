from pydantic import BaseModel


class Research(BaseModel):
    id: str
    question: str
    status: str
    topics: list[str] = []
    found: dict[str, str] = {}
    """By the number of the topic."""
    text: str = ""
    done: bool = False
    tokens: int = 0
    cost_usd: float | None = None


config = {"name": "research", "schema": Research}
