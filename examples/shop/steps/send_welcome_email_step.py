import asyncio
from typing import Any

from motia import event


@event(id="send-welcome-email", schema={"userId": str, "email": str, "name": str}, flows=["users"])
async def send_welcome_email(userId: str, email: str, name: str) -> dict[str, Any]:
    await asyncio.sleep(0.2)  # the mail server takes its time
    print(f"sent a welcome mail to {name} ({email})")
    return {"emailSent": True, "userId": userId}
