import { expect, it } from 'vitest'
import { between, rowsAt } from '@/ui/windowed'

it('holds what is in sight and a little beyond, wherever one scrolls', () => {
  for (const scrolled of [0, 1, 27, 28, 5_000, 279_000, 2_799_200]) {
    const [first, last] = rowsAt(scrolled, 800, 28, 100_000)
    expect(first).toBeLessThanOrEqual(Math.floor(scrolled / 28))
    expect(last).toBeGreaterThanOrEqual(Math.min(99_999, Math.floor((scrolled + 800) / 28)))
    expect(last - first).toBeLessThan(100)
  }
})

it('stays the same for small moves, so that nothing is drawn again', () => {
  expect(rowsAt(2_800, 800, 28, 1_000)).toEqual(rowsAt(2_800 + 3 * 28, 800, 28, 1_000))
})

it('never leaves the list, also when it has shrunk', () => {
  expect(rowsAt(50_000, 800, 28, 10)).toEqual([9, 9])
  expect(rowsAt(0, 800, 28, 0)).toEqual([0, -1])
  expect(between(0, -1)).toEqual([])
  expect(between(3, 5)).toEqual([3, 4, 5])
})
