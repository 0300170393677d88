"""Who may follow what: in doubt, nobody; and no longer than a right lasts."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from served_project import Project, Served
from websockets.exceptions import InvalidStatus

from motia.testing.clock import ManualClock

AUTH = """
    import asyncio

    async def stream_auth(request):
        return {"ada": {"user": "ada", "roles": ["member"]}, "bob": {"user": "bob"}}.get(request.token)
"""


def _denied(frame: Any) -> bool:
    event = frame["event"]
    return bool(event["type"] == "event" and event["event"]["data"]["code"] == "STREAM_ACCESS_DENIED")


@pytest.mark.parametrize(
    ("answer", "status"),
    [
        ("{'user': 1}", None),
        ("{'authorized': True, 'context': {'user': 1}}", None),
        ("{'context': {'user': 1}}", None),
        ("StreamAuthResult(authorized=True, context={'user': 1})", None),
        ("None", 401),
        ("False", 401),
        ("{'authorized': False, 'context': {'user': 1}}", 401),
        ("{'authorized': 'yes'}", 401),
        ("StreamAuthResult(authorized=False)", 401),
        ("1 / 0", 401),
        ("await asyncio.sleep(100)", 401),
        ("time.sleep(3) or {'user': 1}", 401),
    ],
)
def test_who_authenticates_nobody_lets_nobody_in(project: Project, answer: str, status: int | None) -> None:
    kind = "def" if "time.sleep" in answer else "async def"
    project.file(
        "app.py",
        f"""
        import asyncio, time
        from motia import StreamAuthResult

        {kind} stream_auth(request):
            return {answer}
        """,
    )

    async def scenario(served: Served) -> None:
        if status is None:
            async with served.client() as client:
                await client.join("chat", "g")
                assert (await client.event())["type"] == "sync"
        else:
            with pytest.raises(InvalidStatus, match=str(status)):
                async with served.client():
                    pass

    project.run(scenario, streams={"auth_timeout_s": 0.2 if "sleep" in answer else 60})


@pytest.mark.parametrize("name", ["stream_auth", "streamAuth", "authenticate_stream", "authenticateStream"])
def test_the_function_is_found_under_its_names_in_either_file(project: Project, name: str) -> None:
    mapping = f"{name} = {{'authenticate': lambda request: None}}"
    project.file(
        "motia.config.py", f"config = {{}}\n{mapping}" if name.startswith("stream") else "config = {}"
    )
    if not name.startswith("stream"):
        project.file("app.py", f"def {name}(request):\n    return None\n")

    async def scenario(served: Served) -> None:
        with pytest.raises(InvalidStatus, match="401"):
            async with served.client():
                pass

    project.run(scenario)


@pytest.mark.parametrize("authenticated", [False, True])
def test_closed_streams_are_for_those_whom_the_project_authenticates(
    project: Project, authenticated: bool
) -> None:
    if authenticated:
        project.file("app.py", "def stream_auth(request):\n    return {}\n")

    async def scenario(served: Served) -> None:
        if authenticated:
            async with served.client() as client:
                await client.join("chat", "g")
                assert (await client.event())["type"] == "sync"
        else:
            with pytest.raises(InvalidStatus, match="401"):
                async with served.client():
                    pass

    project.run(scenario, streams={"closed": True})


def test_the_connection_is_described_as_both_lines_of_motia_do(project: Project) -> None:
    project.file(
        "app.py",
        """
        def stream_auth(request):
            assert request.headers["x-who"] == "me"
            assert request["url"] == request.url == "/some/path?a=1&a=2"
            assert request.path == "/some/path"
            assert request.query_params == request["queryParams"] == {"a": ["1", "2"]}
            assert request.addr == "127.0.0.1"
            assert request.token == "t0ken"
            return {}
        """,
    )

    async def scenario(served: Served) -> None:
        headers = {"X-Who": "me", "Authorization": "Bearer t0ken"}
        async with served.client("/some/path?a=1&a=2", additional_headers=headers) as client:
            await client.join("chat", "g")
            assert (await client.event())["type"] == "sync"

    project.run(scenario)


@pytest.mark.parametrize("how", ["header", "subprotocol", "query"])
def test_roles_let_in_whatever_way_the_token_came(project: Project, how: str) -> None:
    project.file("app.py", AUTH)
    project.stream("club", 'config = {"name": "club", "access": {"join": ["member", "admin"]}}')

    async def scenario(served: Served) -> None:
        for user, allowed in (("ada", True), ("bob", False)):
            options: dict[str, Any] = {
                "header": {"additional_headers": {"Authorization": f"Bearer {user}"}},
                "subprotocol": {"subprotocols": ["Authorization", user]},
                "query": {"path": f"/?authToken={user}"},
            }[how]
            async with served.client(**options) as client:
                await client.join("club", "g")
                assert _denied(await client.frame()) is not allowed
                await client.join("chat", "g")
                assert (await client.event())["type"] == "sync"

    project.run(scenario)


def test_roles_without_anybody_to_say_who_has_them_let_nobody_in(project: Project) -> None:
    project.stream("club", 'config = {"name": "club", "access": {"join": ["member"]}}')

    async def scenario(served: Served) -> None:
        async with served.client() as client:
            await client.join("club", "g")
            assert _denied(await client.frame())

    project.run(scenario)


@pytest.mark.parametrize(
    ("body", "allowed"),
    [
        ("return True", True),
        ("return context['user'] == subscription.group_id == subscription['groupId']", True),
        ("return {'authorized': True}", True),
        ("return False", False),
        ("return None", False),
        ("return 'yes'", False),
        ("return {'authorized': False}", False),
        ("raise RuntimeError('no')", False),
        ("await asyncio.sleep(100)", False),
        ("sys.exit(1)", False),
    ],
)
def test_only_true_of_can_access_lets_in(project: Project, body: str, allowed: bool) -> None:
    project.file("app.py", AUTH)
    project.stream(
        "club",
        f"""
        import asyncio, sys

        async def can_access(subscription, context):
            {body}

        config = {{"name": "club", "canAccess": can_access}}
        """,
    )

    async def scenario(served: Served) -> None:
        async with served.client("/?authToken=ada") as client:
            await client.join("club", "ada")
            assert _denied(await client.frame()) is not allowed
            await client.join("chat", "g")
            assert (await client.event())["type"] == "sync"

    project.run(scenario, streams={"auth_timeout_s": 1 if "sleep" in body else 60})


def test_on_join_and_on_leave_are_called_for_each_subscription(project: Project) -> None:
    project.stream(
        "club",
        """
        from motia import Stream

        async def on_join(subscription, ctx, context):
            await club.update("counts", "watching", [{"type": "increment", "path": "n"}])
            if subscription.group_id == "full":
                return {"unauthorized": True}

        def on_leave(subscription, ctx):
            ctx.streams.club.update("counts", "watching", [{"type": "decrement", "path": "n"}])

        config = {"name": "club", "onJoin": on_join, "onLeave": on_leave}
        club = Stream(config)
        """,
    )

    async def scenario(served: Served) -> None:
        backend = served.app.app.backend

        async def watching() -> Any:
            item = await backend.streams.get("club", "counts", "watching")
            return None if item is None else item.data

        async with served.client() as client:
            await client.join("club", "a", subscriptionId="1")
            await client.join("club", "a", subscriptionId="2")
            await client.join("club", "full")
            frames = await client.frames_so_far()
            assert [_denied(frame) for frame in frames] == [False, False, True]
            assert await watching() == b'{"id":"watching","n":3}'
            await client.leave("club", "a", subscriptionId="1")
            await client.frames_so_far()
            assert await watching() == b'{"id":"watching","n":2}'
        await served.app.until("stream.left", stream="club", group="a")
        while await watching() != b'{"id":"watching","n":1}':
            await asyncio.sleep(0)

    project.run(scenario)


def test_an_on_join_that_fails_refuses(project: Project) -> None:
    project.stream(
        "club",
        """
        async def on_join(subscription):
            raise RuntimeError("no")

        config = {"name": "club", "onJoin": on_join}
        """,
    )

    async def scenario(served: Served) -> None:
        async with served.client() as client:
            await client.join("club", "g")
            assert _denied(await client.frame())
            await served.put("club", "g", "1", {})
            assert await client.frames_so_far() == []
        [line] = [line for line in served.app.logs if "club.onJoin raised RuntimeError: no" in line.message]
        assert b'File \\"steps/club_stream.py\\", line 3, in on_join' in (line.data or b"")

    project.run(scenario)


def test_a_right_that_is_withdrawn_ends_the_subscription_within_a_second(project: Project) -> None:
    project.file("rights.py", "granted = True\n")
    project.stream(
        "club",
        """
        import rights

        def can_access(subscription, context):
            return rights.granted or subscription.group_id == "open"

        config = {"name": "club", "canAccess": can_access}
        """,
    )

    async def scenario(served: Served) -> None:
        import rights  # the project's own module

        async with served.client() as client:
            await client.join("club", "g")
            await client.join("club", "open")
            await client.join("chat", "g")
            assert len(await client.frames_so_far()) == 3
            await served.app.advance(1.0)
            assert await client.frames_so_far() == []
            rights.granted = False
            await served.app.advance(1.0)
            frame = await client.frame()
            assert _denied(frame)
            assert (frame["streamName"], frame["groupId"]) == ("club", "g")
            await served.put("club", "g", "1", {})
            await served.put("club", "open", "1", {})
            told = [(frame["streamName"], frame["groupId"]) for frame in await client.frames_so_far()]
            assert told == [("club", "open")]

    project.run(scenario, clock=ManualClock())


def test_a_connection_that_is_no_longer_known_is_closed_within_a_second(project: Project) -> None:
    project.file(
        "app.py",
        """
        users = {"ada": {"roles": ["member"]}}

        async def stream_auth(request):
            return users.get(request.token)
        """,
    )
    project.stream("club", 'config = {"name": "club", "access": {"join": ["member"]}}')

    async def scenario(served: Served) -> None:
        import app  # the project's own module

        async with served.client("/?token=ada") as one, served.client("/?token=ada") as other:
            await one.join("club", "g")
            await one.frame()
            app.users["ada"] = {"roles": []}
            await served.app.advance(1.0)
            assert _denied(await one.frame())
            app.users.clear()
            await served.app.advance(1.0)
            assert await one.closed() == 1008
            assert await other.closed() == 1008

    project.run(scenario, clock=ManualClock())


def test_who_is_not_let_in_yet_is_not_listened_to(project: Project) -> None:
    project.file(
        "app.py",
        """
        import asyncio
        from pathlib import Path

        async def stream_auth(request):
            here = Path(__file__).parent
            (here / "asked").touch()
            while not (here / "answer").exists():
                await asyncio.sleep(0.01)
            return {}
        """,
    )

    async def scenario(served: Served) -> None:
        opening = asyncio.ensure_future(_ping(served))
        while not (project.folder / "asked").exists():
            await asyncio.sleep(0.01)
        sockets = served.app.app.sockets
        assert sockets is not None
        (socket,) = sockets._open
        assert not socket._transport.is_reading()
        (project.folder / "answer").touch()
        await opening

    project.run(scenario, streams={"auth_timeout_s": 40})


async def _ping(served: Served) -> None:
    async with served.client() as client:
        await client.frames_so_far()
