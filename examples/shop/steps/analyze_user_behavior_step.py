import random
from typing import Any

from motia import event


@event(
    id="analyze-user-behavior",
    schema={"userId": str, "actions": list, "metadata": dict},
    flows=["users"],
)
async def analyze_user_behavior(userId: str, actions: list[str], metadata: dict[str, Any]) -> dict[str, Any]:
    score = random.uniform(0.1, 1.0)
    risk = "low" if score > 0.7 else "medium" if score > 0.4 else "high"
    print(f"user {userId} did {', '.join(actions)}: risk {risk}")
    return {"userId": userId, "behaviorScore": score, "riskLevel": risk}
