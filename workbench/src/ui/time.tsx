import { createContext, useContext, useSyncExternalStore } from 'react'
import { relative, stamp } from '@/format'

/** One tick a second for all that shows an age. */
class Ticker {
  #now_ms = Date.now()
  #timer: number | undefined
  readonly #watchers = new Set<() => void>()

  now = (): number => this.#now_ms

  watch = (watcher: () => void): (() => void) => {
    this.#watchers.add(watcher)
    this.#timer ??= setInterval(() => {
      this.#now_ms = Date.now()
      for (const told of this.#watchers) told()
    }, 1_000) as unknown as number
    return () => {
      this.#watchers.delete(watcher)
      if (this.#watchers.size > 0) return
      clearInterval(this.#timer)
      this.#timer = undefined
    }
  }
}

const TickerContext = createContext(new Ticker())

export function useNow(): number {
  const ticker = useContext(TickerContext)
  return useSyncExternalStore(ticker.watch, ticker.now)
}

/** How long ago, or how long until; the exact time is its tooltip. */
export function Ago({ at_ms, className = '' }: { at_ms: number; className?: string }) {
  const now = useNow()
  return (
    <time dateTime={new Date(at_ms).toISOString()} title={stamp(at_ms)} className={`num ${className}`}>
      {relative(at_ms, Math.max(now, at_ms > Date.now() ? 0 : at_ms))}
    </time>
  )
}
