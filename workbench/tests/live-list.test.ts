import { expect, it } from 'vitest'
import { merge } from '@/api/live-list'

type Item = { id: string; at: number; good: boolean }
const item = (id: string, at: number, good = true): Item => ({ id, at, good })
const rules = { idOf: (one: Item) => one.id, rankOf: (one: Item) => one.at, matches: (one: Item) => one.good }
const pages = (...lists: Item[][]) => ({
  pages: lists.map(items => ({ items, next: null })),
  pageParams: lists.map(() => undefined),
})
const ids = (data: { pages: { items: Item[] }[] }) => data.pages.map(page => page.items.map(one => one.id))

it('puts what is new on top, the newest first', () => {
  const { data, fresh } = merge(pages([item('a', 1)]), [item('b', 2), item('c', 3)], rules, false)
  expect(ids(data)).toEqual([['c', 'b', 'a']])
  expect(fresh).toBe(2)
})

it('renews what is known in place, on whatever page it is, and drops what matches no more', () => {
  const before = pages([item('a', 3)], [item('b', 2), item('c', 1)])
  const { data, fresh } = merge(before, [item('b', 9), item('c', 1, false)], rules, false)
  expect(ids(data)).toEqual([['a'], ['b']])
  expect(data.pages[1]?.items[0]?.at).toBe(9)
  expect(fresh).toBe(0)
})

it('keeps still while it is held, and counts what waits', () => {
  const { data, fresh } = merge(pages([item('a', 1)]), [item('b', 2), item('x', 3, false)], rules, true)
  expect(ids(data)).toEqual([['a']])
  expect(fresh).toBe(1)
})

it('leaves pages alone that nothing changed', () => {
  const before = pages([item('a', 1)], [item('b', 0)])
  const { data } = merge(before, [item('a', 1)], rules, false)
  expect(data.pages[1]).toBe(before.pages[1])
})

it('looks for the place of what never changes at the top only', () => {
  const fixed = { ...rules, fixed: true as const }
  const before = pages([item('b', 2)], [item('a', 1)])
  const { data, fresh } = merge(before, [item('b', 2), item('c', 3)], fixed, false)
  expect(ids(data)).toEqual([['c', 'b'], ['a']])
  expect(fresh).toBe(1)
  expect(data.pages[1]).toBe(before.pages[1])
})
