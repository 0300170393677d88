import { createContext, useContext, useEffect, useState, useSyncExternalStore, type ReactNode } from 'react'
import { useLive } from '@/api/live-hooks'
import type { LiveEvents } from '@/api/types'

export type StepActivity = { runs: number; failures: number; running: number }

const NONE: StepActivity = { runs: 0, failures: 0, running: 0 }
const LIT_MS = 1_400

export const edgeKey = (source: string, topic: string, target: string): string =>
  `${source}\n${topic}\n${target}`

/** What happened since the graph was loaded. Each node and edge watches only its own entry. */
class Activity {
  readonly #steps = new Map<string, StepActivity>()
  readonly #lit = new Map<string, number>()
  readonly #watchers = new Set<() => void>()

  watch = (watcher: () => void): (() => void) => {
    this.#watchers.add(watcher)
    return () => this.#watchers.delete(watcher)
  }

  step = (name: string): StepActivity => this.#steps.get(name) ?? NONE
  lit = (key: string): boolean => this.#lit.has(key)

  apply(event: LiveEvents['activity'], later: (run: () => void, ms: number) => void): void {
    for (const [name, known] of this.#steps) {
      if (known.running > 0 && !(name in event.running)) this.#steps.set(name, { ...known, running: 0 })
    }
    for (const [name, running] of Object.entries(event.running)) {
      this.#steps.set(name, { ...this.step(name), running })
    }
    for (const [name, more] of Object.entries(event.steps)) {
      const known = this.step(name)
      this.#steps.set(name, {
        ...known,
        runs: known.runs + more.runs,
        failures: known.failures + more.failures,
      })
    }
    for (const { source, topic, target } of event.edges) this.#light(edgeKey(source, topic, target), later)
    this.#tell()
  }

  /** The graph was loaded anew: it counts what came until now. */
  reset(): void {
    for (const [name, known] of this.#steps) this.#steps.set(name, { ...NONE, running: known.running })
    this.#tell()
  }

  #light(key: string, later: (run: () => void, ms: number) => void): void {
    const turn = (this.#lit.get(key) ?? 0) + 1
    this.#lit.set(key, turn)
    later(() => {
      if (this.#lit.get(key) !== turn) return
      this.#lit.delete(key)
      this.#tell()
    }, LIT_MS)
  }

  #tell(): void {
    for (const watcher of this.#watchers) watcher()
  }
}

const ActivityContext = createContext(new Activity())

type Props = { loaded_at: number; onUnknown: (keys: string[]) => void; children: ReactNode }

export function ActivityProvider({ loaded_at, onUnknown, children }: Props) {
  const [activity] = useState(() => new Activity())
  useEffect(() => activity.reset(), [activity, loaded_at])
  useLive('activity', event => {
    activity.apply(event, (run, ms) => void setTimeout(run, ms))
    onUnknown(event.edges.map(edge => edgeKey(edge.source, edge.topic, edge.target)))
  })
  return <ActivityContext value={activity}>{children}</ActivityContext>
}

export function useStepActivity(step: string): StepActivity {
  const activity = useContext(ActivityContext)
  return useSyncExternalStore(activity.watch, () => activity.step(step))
}

export function useLit(key: string): boolean {
  const activity = useContext(ActivityContext)
  return useSyncExternalStore(activity.watch, () => activity.lit(key))
}
