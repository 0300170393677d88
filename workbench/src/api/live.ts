/** The one live connection of the page: it goes on from its cursor after every break. */

import { api } from '@/urls'
import type { LiveEvents, LiveTopic } from '@/api/types'

export type LiveStatus = 'connecting' | 'open' | 'down'
type EventName = keyof LiveEvents
type Handler = (data: never) => void

const EVENTS: EventName[] = [
  'hello',
  'traces',
  'logs',
  'activity',
  'queues',
  'states',
  'streams',
  'resync',
  'bye',
]
const ALWAYS: LiveTopic[] = ['activity', 'queues']
const FIRST_RETRY_MS = 250
const LAST_RETRY_MS = 3_000
/** Browsers allow six connections to a host: a tab that nobody sees gives its one back. */
const HIDDEN_MS = 30_000

export class LiveChannel {
  #status: LiveStatus = 'connecting'
  #source: EventSource | undefined
  #cursor: string | undefined
  #topics = ''
  #retry_ms = FIRST_RETRY_MS
  #timer: number | undefined
  #hidden: number | undefined
  readonly #handlers = new Map<EventName, Set<Handler>>()
  readonly #watchers = new Set<() => void>()
  readonly #open: (url: string) => EventSource

  constructor(open: (url: string) => EventSource = url => new EventSource(url)) {
    this.#open = open
  }

  get status(): LiveStatus {
    return this.#status
  }

  /** Be told when `status` changes. */
  watch = (watcher: () => void): (() => void) => {
    this.#watchers.add(watcher)
    return () => this.#watchers.delete(watcher)
  }

  /** Hear an event from now on. Its topic is asked for as long as somebody listens. */
  on<Name extends EventName>(name: Name, handler: (data: LiveEvents[Name]) => void): () => void {
    const handlers = this.#handlers.get(name) ?? new Set()
    this.#handlers.set(name, handlers.add(handler as Handler))
    this.#follow()
    return () => {
      handlers.delete(handler as Handler)
      this.#follow()
    }
  }

  start(): () => void {
    const seen = () => {
      clearTimeout(this.#hidden)
      if (document.hidden) this.#hidden = setTimeout(() => this.#close(), HIDDEN_MS) as unknown as number
      else if (this.#source === undefined) this.#connect()
    }
    document.addEventListener('visibilitychange', seen)
    this.#connect()
    return () => {
      document.removeEventListener('visibilitychange', seen)
      clearTimeout(this.#hidden)
      this.#close()
    }
  }

  #wanted(): string {
    const heard = EVENTS.filter(name => (this.#handlers.get(name)?.size ?? 0) > 0)
    const topics = heard.filter(name => name !== 'hello' && name !== 'resync' && name !== 'bye')
    return [...new Set([...ALWAYS, ...topics])].sort().join(',')
  }

  /** Pages mount and unmount in bursts: one new connection for all of it. */
  #follow(): void {
    queueMicrotask(() => {
      if (this.#source !== undefined && this.#wanted() !== this.#topics) this.#connect()
    })
  }

  #connect(): void {
    this.#close()
    this.#topics = this.#wanted()
    const source = this.#open(api.live({ topics: this.#topics, cursor: this.#cursor }))
    this.#source = source
    source.onopen = () => {
      this.#retry_ms = FIRST_RETRY_MS
      this.#become('open')
    }
    source.onerror = () => this.#again()
    for (const name of EVENTS)
      source.addEventListener(name, event => this.#receive(name, event as MessageEvent))
  }

  #receive(name: EventName, event: MessageEvent): void {
    if (event.lastEventId) this.#cursor = event.lastEventId
    if (name === 'bye') return this.#again()
    const data = JSON.parse(String(event.data)) as never
    for (const handler of [...(this.#handlers.get(name) ?? [])]) handler(data)
  }

  #again(): void {
    this.#close()
    this.#become('down')
    this.#timer = setTimeout(() => this.#connect(), this.#retry_ms) as unknown as number
    this.#retry_ms = Math.min(this.#retry_ms * 2, LAST_RETRY_MS)
  }

  #close(): void {
    clearTimeout(this.#timer)
    this.#source?.close()
    this.#source = undefined
  }

  #become(status: LiveStatus): void {
    if (status === this.#status) return
    this.#status = status
    for (const watcher of this.#watchers) watcher()
  }
}
