"""A stream that is declared and written in TypeScript is the same stream."""

from __future__ import annotations

import os
import shutil

import pytest
from served_project import Project, Served
from websockets.exceptions import InvalidStatus

_STREAM = """
import { Stream } from 'motia'

let rejected = 0

export const config = {
  name: 'rooms',
  schema: { type: 'object', properties: { text: { type: 'string' } } },
  baseConfig: { storageType: 'default' },
  canAccess: (subscription, authContext) => subscription.groupId !== 'closed',
  onJoin: async (subscription, context, authContext) => {
    await context.streams.rooms.update('counts', 'joins', [{ type: 'increment', path: 'n' }])
    if (subscription.groupId === 'full') return { unauthorized: true }
  },
}

export const rooms = new Stream(config)
"""
_STEP = """
export const config = {
  name: 'Tour',
  triggers: [{ type: 'http', method: 'POST', path: '/tour' }],
}

export const handler = async (req, { streams }) => {
  const set = await streams.rooms.set('g', '1', { text: 'a' })
  const changed = await streams.rooms.update('g', '1', [{ type: 'set', path: 'text', value: 'b' }])
  await streams.rooms.send({ groupId: 'g', id: '1' }, { type: 'seen', data: 1 })
  const got = await streams.rooms.get('g', '1')
  const group = await streams.rooms.getGroup('g')
  const groups = await streams.rooms.listGroups()
  const gone = await streams.rooms.delete('g', '1')
  const none = await streams.rooms.get('g', '1')
  return { status: 200, body: { set, changed, got, group: group.length, groups, gone: gone.text, none } }
}
"""


@pytest.fixture
def node() -> None:
    if shutil.which("node") is None:
        if os.environ.get("CI"):
            pytest.fail("expected Node in CI")
        pytest.skip("needs Node")


@pytest.mark.usefixtures("node")
def test_typescript_declares_writes_and_guards_a_stream(project: Project) -> None:
    project.file("steps/rooms.stream.ts", _STREAM)
    project.stream("rooms")  # the same stream, declared in a second language
    project.file("steps/tour.step.ts", _STEP)

    async def scenario(served: Served) -> None:
        async with served.client() as client:
            await client.join("rooms", "g")
            assert (await client.event())["type"] == "sync"
            answer = await served.app.http.post("/tour", json={})
            assert answer.status_code == 200, answer
            place = {"type": "state-stream", "streamName": "rooms", "groupId": "g", "id": "1"}
            body = answer.json()
            assert body["set"] == {"text": "a", "id": "1", "__motia": place}
            assert body["got"] == {"text": "b", "id": "1", "__motia": place}
            assert body["changed"]["new_value"] == {"text": "b", "id": "1"}
            assert [body[name] for name in ("group", "groups", "gone", "none")] == [
                1,
                ["counts", "g"],
                "b",
                None,
            ]
            told = [frame["event"]["type"] for frame in await client.frames_so_far()]
            assert told == ["create", "update", "event", "delete"]
            for group in ("closed", "full"):
                await client.join("rooms", group)
                code = (await client.event())["event"]["data"]["code"]
                assert code == "STREAM_ACCESS_DENIED"
            item = await served.app.app.backend.streams.get("rooms", "counts", "joins")
            assert item is not None
            assert item.data == b'{"id":"joins","n":2}'

    project.run(scenario)


_AUTH = {
    "motia.config.ts": """
        import { type AuthenticateStream } from 'motia'
        export const authenticateStream: AuthenticateStream = async ({ headers, queryParams }, context) => {
          context.logger.info('asked', { headers })
          if (queryParams.token?.[0] !== 'ada') throw new Error('unknown')
          return { context: { user: 'ada' } }
        }
        """,
    "motia.config.js": """
        const tokens = { ada: { user: 'ada' } }
        module.exports = {
          streamAuth: {
            contextSchema: {},
            authenticate: async ({ url }) => {
              return tokens[new URL(url, 'http://x').searchParams.get('token')] ?? null
            },
          },
        }
        """,
}


@pytest.mark.usefixtures("node")
@pytest.mark.parametrize("config", list(_AUTH))
def test_the_config_of_a_script_says_who_follows_streams(project: Project, config: str) -> None:
    project.file(config, _AUTH[config])
    project.file(
        "steps/notes.stream.ts",
        "export const config = { name: 'notes', canAccess: (of, who) => of.groupId === who.user }\n",
    )

    async def scenario(served: Served) -> None:
        for path in ("/", "/?token=bob"):
            with pytest.raises(InvalidStatus, match="401"):
                async with served.client(path):
                    pass
        async with served.client("/?token=ada") as client:
            await client.join("notes", "ada")
            assert (await client.event())["type"] == "sync"
            await client.join("notes", "bob")
            assert (await client.event())["event"]["data"]["code"] == "STREAM_ACCESS_DENIED"
        raised = [line for line in served.app.logs if "raised Error: unknown" in line.message]
        assert len(raised) == ("throw" in _AUTH[config]) * 2
        assert all(b"motia.config.ts:5" in (line.data or b"") for line in raised)

    project.run(scenario, streams={"closed": True, "auth_timeout_s": 30})
