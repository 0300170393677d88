import { expect, it } from 'vitest'
import { framesOf, runsOf } from '@/ui/frames'

it('tells the lines of the user from those of libraries', () => {
  const stack = `Traceback (most recent call last):
  File "/venv/lib/python3.11/site-packages/motia/runtimes/python/runtime.py", line 90, in call
    return await handler(body)
  File "/venv/lib/python3.11/site-packages/httpx/_client.py", line 8, in get
    ^^^^
  File "steps/pay_step.py", line 12, in pay
    raise ValueError("no")
ValueError: no`
  expect(runsOf(framesOf(stack)).map(run => [run.own, run.frames.length])).toEqual([
    [true, 1],
    [false, 2],
    [true, 2],
  ])
  expect(framesOf(stack)[3]?.text).toContain('raise ValueError')
  expect(
    framesOf(stack)
      .map(frame => frame.text)
      .join('\n'),
  ).not.toContain('^^^^')
})

it('reads stacks of JavaScript', () => {
  const stack = `TypeError: x is not a function
    at handler (/app/steps/pay.step.ts:4:9)
    at process (node:internal/process/task_queues:95:5)`
  expect(framesOf(stack).map(frame => frame.own)).toEqual([true, true, false])
})
