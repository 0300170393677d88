/** Lists that are loaded once, newest first, and then grow at the top by what the live channel tells. */

import { useInfiniteQuery, useQueryClient } from '@tanstack/react-query'
import { useCallback, useMemo, useState } from 'react'
import { useLive } from '@/api/live-hooks'
import type { Pages, PagesOptions } from '@/api/queries'
import type { LogLine, Trace } from '@/api/types'

type Rules<T> = {
  idOf: (item: T) => string | number
  /** Position in the list; the highest stands on top. */
  rankOf: (item: T) => number
  /** An item never changes: only those of a higher rank than all are new, and no list is searched. */
  fixed?: true
  /** Does the item belong into this list, by its filters? */
  matches: (item: T) => boolean
}

/**
 * The pages with what came: known items renewed in place (or gone, if they match no more), new ones on top.
 * While `held` nothing is put on top; `fresh` tells how many would have been. Pure.
 */
export function merge<T>(pages: Pages<T>, came: readonly T[], rules: Rules<T>, held: boolean) {
  const top = pages.pages.find(page => page.items.length > 0)?.items[0]
  const floor = rules.fixed && top !== undefined ? rules.rankOf(top) : -Infinity
  const latest = new Map(
    came.filter(item => rules.rankOf(item) > floor).map(item => [rules.idOf(item), item]),
  )
  const known = new Set<string | number>()
  const renewed = pages.pages.map(page => {
    if (rules.fixed) return page
    if (!page.items.some(item => latest.has(rules.idOf(item)))) return page
    const items = page.items.flatMap(item => {
      const id = rules.idOf(item)
      const now = latest.get(id)
      if (now === undefined) return [item]
      known.add(id)
      return rules.matches(now) ? [now] : []
    })
    return { ...page, items }
  })
  const fresh = [...latest.values()]
    .filter(item => !known.has(rules.idOf(item)) && rules.matches(item))
    .sort((one, other) => rules.rankOf(other) - rules.rankOf(one))
  const [first, ...rest] = renewed
  if (!held && first !== undefined && fresh.length > 0) {
    renewed.splice(0, renewed.length, { ...first, items: [...fresh, ...first.items] }, ...rest)
  }
  return { data: { ...pages, pages: renewed }, fresh: fresh.length }
}

/** More than this at the top, and the list begins anew: a page left open must not grow for ever. */
const MAX_LIVE = 100_000

/** A live list. `held` keeps it still; `pending` then counts what waits, and `release` shows it. */
export function useLiveList<T extends Trace | LogLine>(
  name: 'traces' | 'logs',
  options: PagesOptions<T>,
  rules: Rules<T>,
  held: boolean,
) {
  const client = useQueryClient()
  const [pending, setPending] = useState(0)
  const result = useInfiniteQuery(options)
  useLive(name, event => {
    const shown = client.getQueryData<Pages<T>>(options.queryKey)
    if (shown === undefined) return
    const { data, fresh } = merge(shown, event.items as readonly unknown[] as readonly T[], rules, held)
    client.setQueryData(options.queryKey, data)
    if (held) setPending(waiting => waiting + fresh + event.skipped)
    else if (event.skipped > 0 || (data.pages[0]?.items.length ?? 0) > MAX_LIVE) {
      void client.resetQueries({ queryKey: options.queryKey, exact: true })
    }
  })
  const items = useMemo(() => result.data?.pages.flatMap(page => page.items) ?? [], [result.data])
  const release = () => {
    setPending(0)
    void client.resetQueries({ queryKey: options.queryKey, exact: true })
  }
  return { ...result, items, pending, release }
}

type Growing = { hasNextPage: boolean; isFetchingNextPage: boolean; fetchNextPage: () => Promise<unknown> }

/** What a list calls when its end comes into sight: the next page, once. */
export function useMore({ hasNextPage, isFetchingNextPage, fetchNextPage }: Growing): () => void {
  return useCallback(() => {
    if (hasNextPage && !isFetchingNextPage) void fetchNextPage()
  }, [hasNextPage, isFetchingNextPage, fetchNextPage])
}
