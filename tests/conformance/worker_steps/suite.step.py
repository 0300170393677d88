import asyncio

config = {
    "type": "event",
    "name": "Suite",
    "subscribes": ["suite"],
    "emits": ["out"],
    "condition": lambda given: not given.get("skip"),
}


async def handler(given, context):
    given = given.get("body", given)
    match given["do"]:
        case "echo":
            return given["value"]
        case "bytes":
            return b"\x00\xff\x01"
        case "state":
            write = {"op": "state.set", "scope": "s", "key": "k", "value": given["value"]}
            await context.ask("context.commit", operations=[write])
            read = {"op": "state.get", "scope": "s", "key": "k"}
            return (await context.ask("context.read", read=read))["value"]
        case "enqueue":
            write = {"op": "enqueue", "messages": [{"topic": "out", "data": given["value"]}]}
            return (await context.ask("context.commit", operations=[write]))["results"][0][0]
        case "call":
            return (await context.ask("context.call", step="Other", data=given["value"]))["value"]
        case "raise":
            raise ValueError("bad thing")
        case "cut":
            context.log(level="warning", message="cut \ud83d", data={"text": "cut \ud83d"})
            raise ValueError("cut \ud83d")
        case "refuse":
            error = ValueError("refused")
            error.data = {"status": 404, "detail": "no such order"}
            raise error
        case "retry":
            return ("retry", 2.5, "busy")
        case "wrong":
            return {"deep": [1, float("nan")]}
        case "huge":
            return {"deep": [1, 2**70]}
        case "large":
            return {"small": 1, "text": "x" * 3_000_000}
        case "print":
            context.log(level="info", message="hello")
        case "log":
            context.log(level="warning", message="hi", data={"n": 1})
        case "sleep":
            await asyncio.sleep(60)
    return None
