import { expect, test } from 'vitest'
import { backPath } from '@/pages/flow/back-path'
import { STEP_HEIGHT, STEP_WIDTH } from '@/pages/flow/layout'

test('an edge to the right is no way back', () => {
  expect(backPath({ sourceX: 0, sourceY: 0, targetX: 40, targetY: 90 })).toBeNull()
})

test('a step that sends to itself has a loop below it', () => {
  const [path, x, y] = backPath({ sourceX: STEP_WIDTH, sourceY: 0, targetX: 0, targetY: 0 })!
  expect(path).toMatch(/^M232,0 C.* 0,0$/)
  expect(x).toBe(STEP_WIDTH / 2)
  expect(y).toBeGreaterThan(STEP_HEIGHT / 2)
})

test('a way back runs below the lower of its nodes', () => {
  const up = backPath({ sourceX: 900, sourceY: 300, targetX: 100, targetY: 0 })!
  const down = backPath({ sourceX: 900, sourceY: 0, targetX: 100, targetY: 300 })!
  expect(up[2]).toBe(down[2])
  expect(up[2]).toBeGreaterThan(300 + STEP_HEIGHT / 2)
})
