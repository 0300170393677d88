"""A stream that is declared and written in TypeScript is the same stream."""

from __future__ import annotations

import os
import shutil

import pytest
from served_project import Project, Served

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
