from typing import Literal

from pydantic import BaseModel


class ChatMessage(BaseModel):
    id: str
    role: Literal["user", "assistant"]
    text: str
    done: bool


config = {"name": "chat", "schema": ChatMessage}
