"""The generated types, checked by the TypeScript compiler beside the shipped ones."""

from __future__ import annotations

import ast
import asyncio
import json
import subprocess
import sys
from pathlib import Path

import pytest

import motia
from motia.cli.create import write_template
from motia.cli.npm_package import FOLDER, write_npm_package
from motia.outside import discover_project
from motia.settings.load import load_settings
from motia.typegen.files import TYPESCRIPT_FILE, write_types

PACKAGE = Path(motia.__file__).parent / "workers" / "node"
STEPS = {
    "steps/create.step.ts": """
import { type ApiRouteConfig, type Handlers } from 'motia'
import { z } from 'zod'
export const config: ApiRouteConfig = {
  type: 'api', name: 'Create', method: 'POST', path: '/orders', emits: ['order.created'],
  bodySchema: z.object({ item: z.string(), n: z.number().default(1) }),
  responseSchema: { 201: z.object({ id: z.string() }) },
}
export const handler: Handlers['Create'] = async (req, { emit, streams, state }) => {
  const item: string = req.body.item
  const n: number = req.body.n
  await emit({ topic: 'order.created', data: { item, n } })
  const stored = await streams.orders.set('all', 'id', { item })
  await state.set<number>('a', 'b', n)
  return { status: 201, body: { id: stored.id } }
}
""",
    "steps/process.step.ts": """
import { type StepConfig, type Handlers, queue, http } from 'motia'
import { z } from 'zod'
export const config = {
  name: 'Process',
  triggers: [
    queue('order.created', {
      input: z.object({ item: z.string(), n: z.number() }),
      concurrency: { limit: 2, key: 'item', total: 9 },
      rateLimit: { limit: 100, period: '1m', key: 'item' },
      priority: 'n',
      dedupe: { key: 'item', window: '1h' },
      retry: (error, attempt) => (error.name === 'RangeError' ? false : `${attempt}s`),
    }),
  ],
  enqueues: [],
} as const satisfies StepConfig
export const handler: Handlers<typeof config> = async (input, { logger }) => {
  const n: number = input.n
  logger.info('n', { n })
}
""",
    "steps/tutorial.ts": """
import { api, event, cron, logger } from '@motia/core'
import { z } from 'zod'
const Schema = z.object({ name: z.string(), role: z.enum(['user', 'admin']).default('user') })
export const create = api({ id: 'create-user', method: 'POST', path: '/users', schema: { body: Schema } }, async ({ body }) => {
  const name: string = body.name
  await motia.trigger('welcome', { userId: name })
  logger.info('created')
  return { success: true, name }
})
export const welcome = event({ id: 'welcome', schema: z.object({ userId: z.string() }) }, async ({ userId }) => userId.length)
export const loose = event({ id: 'loose' }, async ({ orderId, items }) => ({ orderId, items }))
export const daily = cron({ id: 'daily', schedule: '0 9 * * *' }, async () => undefined)
""",
    "steps/book.step.ts": """
import { ApprovalExpiredError, type EventHandler, WorkflowError } from 'motia'
import { z } from 'zod'
export const config = { type: 'event', name: 'Book', subscribes: ['trip.booked'], emits: [] } as const
export const handler: EventHandler<{ id: string }> = async ({ id }, ctx) => {
  const seat = await ctx.step('seat', async () => ({ row: 7 }), { undo: ({ row }) => row + 1, retries: 3 })
  const row: number = seat.row
  const page: string = await ctx.step('page', (signal) => `${id} ${signal.aborted}`, { timeout: '30s' })
  const [twice, text] = await ctx.gather([ctx.call<number>('Twice', row), ctx.step('text', () => page)])
  const sum: number = twice + text.length
  await ctx.sleep('3d')
  const { item } = await ctx.waitFor('order.created', { match: { id }, timeout: '2d' })
  const named: string = item
  const decision = await ctx.approval(z.object({ approved: z.boolean() }), { expires: '2d', notify: (link) => link.length })
  const approved: boolean = decision.approved
  const loose = await ctx.approval({ type: 'object' })
  await ctx.setCustomStatus({ approved, by: loose.by })
  const due: Date | null | undefined = (await ctx.getRun(ctx.runId))?.dueAt
  if (due === null) throw new ApprovalExpiredError('late')
  await ctx.sendSignal(ctx.runId, 'booked', { sum, named })
  throw new WorkflowError('refused', { code: 'trip.refused' })
}
""",
    "steps/orders.stream.ts": """
import { type StreamConfig } from 'motia'
import { z } from 'zod'
export const config: StreamConfig = { name: 'orders', schema: z.object({ item: z.string() }), baseConfig: { storageType: 'default' } }
""",
    "steps/node.ts": "import { EventNode } from 'motia/workbench'\nexport const node = EventNode\n",
    "motia.config.ts": """
import { defineConfig } from '@motiadev/core'
import logs from '@motiadev/plugin-logs/plugin'
import type { AuthenticateStream, StreamAuthInput } from '@iii-dev/motia'
export const authenticateStream: AuthenticateStream = async (request, ctx) => {
  ctx.logger.info('who', { url: request.url })
  return { context: { user: request.headers.authorization, by: request.query_params.by?.[0] } }
}
const authenticate = (request: StreamAuthInput) => (request.token === 'ok' ? { user: 'ada' } : null)
export default defineConfig({ plugins: [logs], streamAuth: { contextSchema: {}, authenticate } })
""",
    "tsconfig.json": json.dumps(
        {
            "compilerOptions": {
                "strict": True,
                "noEmit": True,
                "target": "es2022",
                "module": "esnext",
                "moduleResolution": "bundler",
                "types": [],
                "skipLibCheck": True,
            },
            "include": ["steps", "motia.config.ts", "types.d.ts"],
        }
    ),
}


def run(*command: str | Path, cwd: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(command, cwd=cwd, capture_output=True, text=True, timeout=120, check=False)


def test_generated_types_check_and_find_mistakes(tmp_path: Path, npm_packages: Path) -> None:
    for name, text in STEPS.items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(text)
    modules = tmp_path / "node_modules"
    modules.mkdir()
    (modules / "zod").symlink_to(npm_packages / "zod")
    write_npm_package(tmp_path)
    (modules / "motia").symlink_to(tmp_path / FOLDER)
    command = [sys.executable, "-m", "motia.cli.main", "generate", "types", "--python"]
    made = run(*command, cwd=tmp_path)
    assert made.returncode == 0, made.stderr
    stub = ast.parse((tmp_path / "motia_types.py").read_text())
    classes = {node.name for node in stub.body if isinstance(node, ast.ClassDef)}
    assert classes == {"OrderCreated", "OrdersItem", "Welcome"}
    compiler = npm_packages / ".bin" / "tsc"
    checked = run(compiler, "-p", ".", cwd=tmp_path)
    assert checked.returncode == 0, checked.stdout + (tmp_path / "types.d.ts").read_text()
    bad = tmp_path / "steps" / "create.step.ts"
    bad.write_text(bad.read_text().replace("const n: number = req.body.n", "const n: string = req.body.n"))
    assert "steps/create.step.ts(11,9)" in run(compiler, "-p", ".", cwd=tmp_path).stdout


def test_the_worker_itself_is_type_checked(npm_packages: Path) -> None:
    checked = run(
        npm_packages / ".bin" / "tsc", "-p", PACKAGE, "--typeRoots", npm_packages / "@types", cwd=PACKAGE
    )
    assert checked.returncode == 0, checked.stdout


@pytest.mark.proof
def test_templates_bring_the_types_that_their_steps_make(tmp_path: Path, npm_packages: Path) -> None:
    for template in ("typescript", "multilang", "full-stack"):
        project = tmp_path / template
        assert TYPESCRIPT_FILE in write_template(template, project)
        (project / "node_modules").symlink_to(npm_packages)
        settings = load_settings(project, environ={}).settings
        discovered = asyncio.run(discover_project(settings))
        assert not discovered.problems
        assert write_types(discovered.registry, project) == [], f"`motia generate types` for {template}"
