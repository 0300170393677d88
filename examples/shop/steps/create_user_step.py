import asyncio
import uuid
from datetime import UTC, datetime
from typing import Any

from shop import NewUser

from motia import Context, api


@api(
    id="create-user",
    method="POST",
    path="/users",
    enqueues=["send-welcome-email", "analyze-user-behavior"],
    flows=["users"],
)
async def create_user(body: NewUser, ctx: Context) -> dict[str, Any]:
    user = {
        "id": uuid.uuid4().hex[:9],
        **body.model_dump(),
        "createdAt": datetime.now(UTC).isoformat(),
    }
    await ctx.state.set("users", user["id"], user)
    await asyncio.gather(
        ctx.trigger_step(
            "send-welcome-email",
            {"userId": user["id"], "email": user["email"], "name": user["name"]},
        ),
        ctx.trigger_step(
            "analyze-user-behavior",
            {"userId": user["id"], "actions": ["registration"], "metadata": {"source": "api"}},
        ),
    )
    return {"success": True, "user": user}
