"""What TypeScript and JavaScript files may look like, and what a broken one does to the others."""

from __future__ import annotations

import os
import stat
from typing import Any

from node_worker import NodeWorker


def definition(loaded: dict[str, Any]) -> dict[str, Any]:
    (found,) = loaded["definitions"]
    return found  # type: ignore[no-any-return]  # JSON


def test_names_imported_only_as_types_are_dropped(worker: NodeWorker) -> None:
    worker.file("steps/types.d.ts", "export interface Order { id: string }")
    worker.file("steps/lib/shapes.ts", "export type Shape = { a: number }\nexport const one = 1")
    loaded = worker.load_one(
        "steps/order.step.ts",
        """
import { ApiRouteConfig, Handlers } from 'motia'
import { Order } from './types'
import type { Missing } from './missing'
import { type Shape, one } from './lib/shapes'
import { NotThere } from 'not-installed'

export const config: ApiRouteConfig = { type: 'api', name: 'Order', path: '/o', method: 'GET', emits: [] }
export const handler: Handlers['Order'] = async (req: { body: Order | NotThere }) => {
  const shape: Shape = { a: one } satisfies Shape
  return { status: 200, body: shape }
}
""",
    )
    found = definition(loaded)
    assert found["config"]["name"] == "Order"
    assert (found["line"], found["handler_line"], found["language"]) == (8, 9, "typescript")
    answer = worker.invoke(found["handler"], trigger="http")
    assert answer["result"]["value"] == {"status": 200, "body": {"a": 1}}


def test_enums_parameter_properties_and_directory_imports(worker: NodeWorker) -> None:
    worker.file("src/money/index.ts", "export enum Currency { Euro = 'EUR', Dollar = 'USD' }")
    worker.file("src/text.mts", "export const greeting = 'hi'")
    worker.file("src/data.json", '{"answer": 42}')
    worker.load_one(
        "src/pay.step.ts",
        """
import { Currency } from './money'
import { greeting } from './text.mjs'
import data from './data.json'
class Price { constructor(private readonly amount: number, public currency = Currency.Euro) {} }
export const config = { type: 'event', name: 'Pay', subscribes: ['pay'] }
export const handler = async () => ({ ...new Price(data.answer), greeting, url: import.meta.url.slice(-11) })
""",
    )
    answer = worker.invoke("src/pay.step.ts#handler", input={})
    assert answer["result"]["value"] == {
        "amount": 42,
        "currency": "EUR",
        "greeting": "hi",
        "url": "pay.step.ts",
    }


def test_every_way_of_importing_gives_one_module(worker: NodeWorker) -> None:
    worker.file(
        "steps/count.ts", "globalThis.loads = (globalThis.loads ?? 0) + 1\nexport const state = { n: 0 }"
    )
    worker.load_one(
        "steps/many.step.ts",
        """
import * as all from './count'
import { state } from './count.js'
const required = require('./count')
export const config = { type: 'event', name: 'Many', subscribes: [] }
export const handler = async () => {
  const dynamic = await import('./count')
  const here = [typeof __dirname, typeof __filename, typeof import.meta.dirname]
  return { same: [all, required, dynamic].every((one) => one.state === state), loads: globalThis.loads, here }
}
""",
    )
    value = worker.invoke("steps/many.step.ts#handler", input={})["result"]["value"]
    assert value == {"same": True, "loads": 1, "here": ["string"] * 3}


def test_tsconfig_paths_and_extends(worker: NodeWorker) -> None:
    worker.file("base.json", '{"compilerOptions": {"baseUrl": "."}}')
    worker.file(
        "tsconfig.json",
        '// comments\n{"extends": "./base.json", "compilerOptions": {"paths": {"@lib/*": ["./lib/*"]},},}',
    )
    worker.file("lib/count.ts", "export const one = 1")
    worker.file("shared/two.ts", "export const two = 2")
    worker.load_one(
        "steps/paths.step.ts",
        """
import { one } from '@lib/count'
import { two } from 'shared/two'
export const config = { type: 'event', name: 'Paths', subscribes: [] }
export const handler = async () => one + two
""",
    )
    assert worker.invoke("steps/paths.step.ts#handler", input={})["result"]["value"] == 3


def test_packages_that_only_import_can_load(worker: NodeWorker) -> None:
    worker.load_one(
        "steps/id.step.mjs",
        """
import { nanoid } from 'nanoid'
export const config = { type: 'event', name: 'Id', subscribes: [] }
export const handler = async () => [nanoid(8).length, typeof (await import('nanoid')).nanoid]
""",
    )
    assert worker.invoke("steps/id.step.mjs#handler", input={})["result"]["value"] == [8, "function"]


def test_a_package_with_an_entry_only_for_import(worker: NodeWorker) -> None:
    package = "node_modules/only-esm"
    worker.file(f"{package}/package.json", '{"name": "only-esm", "exports": {"./x": {"import": "./x.mjs"}}}')
    worker.file(f"{package}/x.mjs", "export default function hello() { return 'hello' }")
    worker.load_one(
        "steps/esm.step.ts",
        """
import hello from 'only-esm/x'
export const config = { type: 'event', name: 'Esm', subscribes: [] }
export const handler = async () => hello()
""",
    )
    assert worker.invoke("steps/esm.step.ts#handler", input={})["result"]["value"] == "hello"


def test_commonjs_and_modules_without_a_type(worker: NodeWorker) -> None:
    worker.file("steps/helper.js", "exports.twice = (n) => 2 * n")
    loaded = worker.load(
        worker.file(
            "steps/cjs.step.js",
            """const { twice } = require('./helper')
const { z } = require('zod')
exports.config = { type: 'event', name: 'Cjs', subscribes: ['c'], input: z.object({ n: z.number() }) }
exports.handler = async (input) => twice(input.n)
""",
        ),
        worker.file(
            "steps/whole.step.cjs",
            "module.exports = { config: { type: 'event', name: 'Whole', subscribes: [] }, handler: async () => 1 }",
        ),
        worker.file(
            "steps/esm.step.js",
            "import { twice } from './helper'\n"
            "export const config = { type: 'event', name: 'EsmJs', subscribes: [] }\n"
            "export const handler = async () => twice(4)\n",
        ),
    )
    assert [file["problems"] for file in loaded.values()] == [[], [], []]
    assert definition(loaded["steps/cjs.step.js"])["line"] == 3
    assert worker.invoke("steps/cjs.step.js#handler", input={"n": 3})["result"]["value"] == 6
    assert worker.invoke("steps/whole.step.cjs#handler", input={})["result"]["value"] == 1
    assert worker.invoke("steps/esm.step.js#handler", input={})["result"]["value"] == 8


def test_a_file_may_await_at_its_top_level(worker: NodeWorker) -> None:
    worker.file("steps/slow.ts", "export const value = await Promise.resolve(5)")
    worker.load_one(
        "steps/tla.step.ts",
        """
import { value } from './slow'
export const config = { type: 'event', name: 'Tla', subscribes: [] }
export const handler = async () => value
""",
    )
    assert worker.invoke("steps/tla.step.ts#handler", input={})["result"]["value"] == 5


def test_modules_in_a_circle(worker: NodeWorker) -> None:
    worker.file(
        "steps/a.ts", "import { b } from './b'\nexport const a = () => 'a'\nexport const ab = () => a() + b()"
    )
    worker.file(
        "steps/b.ts", "import { a } from './a'\nexport const b = () => 'b'\nexport const ba = () => b() + a()"
    )
    worker.load_one(
        "steps/circle.step.ts",
        """
import { ab } from './a'
import { ba } from './b'
export const config = { type: 'event', name: 'Circle', subscribes: [] }
export const handler = async () => ab() + ba()
""",
    )
    assert worker.invoke("steps/circle.step.ts#handler", input={})["result"]["value"] == "abba"


def test_lines_without_semicolons_stay_apart(worker: NodeWorker) -> None:
    loaded = worker.load_one(
        "steps/plain.step.ts",
        """
import { step, http, enqueue } from 'motia'
const path = '/plain'
export const { config, handler } = step({
  name: 'Plain', triggers: [http('GET', path)], enqueues: ['x'],
}, async () => {
  const note = String(path)
  enqueue({ topic: 'x', data: note })
  return { status: 200, body: note }
})
""",
    )
    (found,) = loaded["definitions"]
    assert found["config"]["triggers"] == [{"type": "http", "method": "GET", "path": "/plain"}]
    assert worker.invoke(found["handler"], trigger="http")["result"]["value"]["body"] == "/plain"
    assert worker.told("context.commit")[0]["operations"][0]["messages"][0]["topic"] == "x"


def test_a_module_may_declare_what_commonjs_has_as_parameters(worker: NodeWorker) -> None:
    worker.load_one(
        "steps/own.step.ts",
        """
import { createRequire } from 'node:module'
import path from 'node:path'
import { fileURLToPath } from 'node:url'
const __filename = fileURLToPath(import.meta.url)
const __dirname = path.dirname(__filename)
const require = createRequire(import.meta.url)
export const config = { type: 'event', name: 'Own', subscribes: [] }
export const handler = async () => [path.basename(__dirname), typeof require('node:fs').readFileSync]
""",
    )
    assert worker.invoke("steps/own.step.ts#handler", input={})["result"]["value"] == ["steps", "function"]


def test_a_broken_file_says_where_and_hides_no_other(worker: NodeWorker) -> None:
    worker.file("steps/blamed.ts", "\n\nexport const y = JSON.parse('{')")
    worker.file("steps/uses.ts", "import { gone } from './gone'\nexport const x = gone")
    worker.file("pnpm-lock.yaml", "")
    loaded = worker.load(
        worker.file("steps/syntax.step.ts", "export const config = {\n  a: 1\n  b: 2\n}"),
        worker.file("steps/missing.step.ts", "import x from 'not-there'\nexport const config = { x }"),
        worker.file("steps/inner.step.ts", "\nimport { x } from './uses'\nexport const config = { x }"),
        worker.file("steps/throws.step.ts", "const f = () => {\n  throw new TypeError('bad')\n}\nf()"),
        worker.file("steps/nothing.step.ts", "export const other = 1"),
        worker.file("steps/blames.step.ts", "import { y } from './blamed'\nexport const config = { y }"),
        worker.file("steps/name.step.ts", "import { nope } from 'motia'\nnope()"),
        worker.file("steps/good.step.ts", "export const config = { type: 'noop', name: 'Good' }"),
    )
    problems = {path.removeprefix("steps/"): file["problems"] for path, file in loaded.items()}
    assert problems["good.step.ts"] == []
    assert problems["syntax.step.ts"][0]["line"] == 3
    assert problems["missing.step.ts"][0]["hint"] == "pnpm add not-there"
    assert problems["missing.step.ts"][0]["line"] == 1
    assert "./gone" in problems["inner.step.ts"][0]["message"]
    assert problems["throws.step.ts"][0] | {"stack": ""} == {
        "type": "TypeError",
        "message": "bad",
        "line": 2,
        "stack": "",
    }
    assert "steps/throws.step.ts:2" in problems["throws.step.ts"][0]["stack"]
    assert problems["blames.step.ts"][0]["message"].endswith("(steps/blamed.ts:3)")
    assert problems["nothing.step.ts"][0]["code"] == "step.no_config"
    assert "'nope'" in problems["name.step.ts"][0]["message"]


def test_the_names_that_the_framework_goes_by(worker: NodeWorker) -> None:
    worker.file("node_modules/motia/package.json", '{"name": "motia", "main": "index.js"}')
    worker.file("node_modules/motia/index.js", "throw new Error('the other framework')")
    names = ["motia", "@motia/core", "@motiadev/core", "@iii-dev/motia"]
    for number, name in enumerate(names):
        text = f"import {{ event }} from '{name}'\nexport default event({{ id: 'e{number}' }}, async () => motia.trigger)"
        loaded = worker.load_one(f"steps/e{number}.ts", text)
        assert definition(loaded)["config"] == {"id": f"e{number}", "type": "event", "dialect": "function"}


def test_an_import_of_a_name_that_is_not_there_is_told_at_its_line(worker: NodeWorker) -> None:
    worker.file(
        "steps/lib.ts",
        "export interface Order { id: string }\n"
        "export let db: number | undefined\n"
        "export const connect = () => { db = 1 }, helper = () => db, [a, { b = 2 }] = [1, {}]\n"
        "export enum Color { Red }\nexport default class Lib {}\nexport function* numbers() {}\n",
    )
    worker.file(
        "steps/passed.ts",
        "import { Order } from './lib'\nexport { Order }\nexport { Order as Same } from './lib'\n",
    )
    worker.file("steps/plain.cjs", "exports.one = 1")
    worker.file("steps/inner.ts", "import { halper } from './lib'\nexport const inner = () => halper()")
    step = "\nexport const config = { type: 'noop', name: '%s' }\n"
    found = {
        "lib": ("import { helpr } from './lib'\nexport const f = () => helpr()", 2, "did you mean 'helper'?"),
        "js.mjs": ("export { helpr } from './lib'", 2, "did you mean 'helper'?"),
        "default": ("import inner from './plain.cjs'\nimport x from './passed'\nx(inner)", 3, ""),
        "plain": ("import { two } from './plain.cjs'\ntwo()", 2, "it exports one"),
        "package": ("import { objekt } from 'zod'\nobjekt()", 2, "did you mean 'object'?"),
        "node": ("import { readFil } from 'node:fs'\nreadFil()", 2, "did you mean 'readFile'?"),
        "motia": (
            "import { enqueu } from 'motia'\nexport const g = () => enqueu",
            2,
            "did you mean 'enqueue'?",
        ),
        "inner": ("import { inner } from './inner'\ninner()", 1, "did you mean 'helper'?"),
    }
    right = (
        "import Lib, { a, b, db, Color, connect, helper, numbers, Order } from './lib'\n"
        "import { Order as Other, Same } from './passed'\nimport data, { one } from './plain.cjs'\n"
        "const f = (Order: number) => Order\nconst order: Order | Other | Same = { id: 'x' }\nexport { Other }\nconnect()\n"
        "export const handler = () => [a, b, db, helper(), Color.Red, f(1), data.one, one, order, typeof numbers, new Lib()]"
    )
    files = {
        name: worker.file(f"steps/{name}.step.{'mjs' if name == 'js.mjs' else 'ts'}", step % name + text)
        for name, (text, _, _) in found.items()
    }
    good = worker.file("steps/good.step.ts", right + step % "good")
    loaded = worker.load(good, *files.values())
    assert loaded[good]["problems"] == []
    value = worker.invoke(f"{good}#handler", input={})["result"]["value"]
    assert value == [1, 2, 1, 1, 0, 1, 1, 1, {"id": "x"}, "function", {}]
    for name, (_, line, hint) in found.items():
        (problem,) = loaded[files[name]]["problems"]
        assert "expected a" in problem["message"], problem
        assert (problem["line"], problem["hint"]) == (
            line + (name != "inner"),
            hint or "it exports Order, Same",
        ), name
    assert loaded[files["inner"]]["problems"][0]["message"].endswith("got 'halper' (steps/inner.ts:1)")


def test_a_file_that_ends_the_process_or_never_ends_hides_no_other(worker: NodeWorker) -> None:
    config = "export const config = { type: 'noop', name: '%s' }\n"
    worker.file("steps/getter.cjs", "module.exports = { one: 1, get two() { return 2 } }")
    waits = worker.file("steps/waits.step.ts", config % "Waits" + "await new Promise(() => {})")
    exits = worker.file("steps/exits.step.ts", config % "Exits" + "process.exit(3)")
    good = worker.file(
        "steps/good.step.ts",
        config % "Good"
        + "const { default: all, one, two } = await import('./getter.cjs')\n"
        + "export const handler = () => (one + two === all.two + 1 ? process.exit() : null)",
    )
    worker.ask("load", project_dir=str(worker.project), files=[waits], within_s=0.4)
    problems = {path: file["problems"] for path, file in worker.load(exits, waits, good).items()}
    assert "process.exit(3): expected to return" in problems[exits][0]["message"]
    assert problems[exits][0]["line"] == 2
    assert problems[waits][0]["message"].startswith("top-level await: expected to be over within")
    assert problems[good] == []
    error = worker.invoke(f"{good}#handler", input={})["error"]
    assert error["message"].startswith("process.exit(): expected to return"), error


def test_modules_in_a_circle_run_in_the_order_of_node(worker: NodeWorker) -> None:
    worker.file(
        "steps/other.ts",
        "import one, { two, config } from './circle.step'\n"
        "export const early = typeof two\nexport const late = () => [one, two(), config.name]\n",
    )
    name = worker.file(
        "steps/circle.step.ts",
        "import { early, late } from './other'\nexport const two = () => 2\nexport default 1\n"
        "export const config = { type: 'noop', name: 'Circle' }\nexport const handler = () => [early, ...late()]\n",
    )
    assert worker.load(name)[name]["problems"] == []
    assert worker.invoke(f"{name}#handler", input={})["result"]["value"] == ["undefined", 1, 2, "Circle"]


def test_a_file_is_loaded_once_and_found_again_in_the_cache(worker: NodeWorker) -> None:
    name = worker.file("steps/once.step.ts", "export const config = { type: 'noop', name: 'First' }")
    first = worker.load(name)
    worker.file(name, "export const config = { type: 'noop', name: 'Second' }")
    assert worker.load(name) == first
    assert [file.name for file in (worker.project / ".motia/cache/node").iterdir()] == ["v2"]
    assert stat.S_IMODE((worker.project / ".motia").stat().st_mode) == 0o700, "others could read the data"


def test_the_cache_keeps_a_bounded_number_of_entries_that_nobody_needs(worker: NodeWorker) -> None:
    cache = worker.project / ".motia/cache/node/v2"
    cache.mkdir(parents=True)
    for number in range(600):
        old = cache / f"old-{number}"
        old.write_text("[]\n")
        os.utime(old, (number, number))
    needed = worker.file("steps/now.step.ts", "export const config = { type: 'noop', name: 'Now' }")
    worker.load(needed)
    worker.ask("load", project_dir=str(worker.project), files=[needed])
    left = {file.name for file in cache.iterdir()}
    assert len(left) == 501
    assert {f"old-{number}" for number in range(100, 600)} < left
