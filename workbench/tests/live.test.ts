// @vitest-environment happy-dom
import { afterEach, beforeEach, expect, it, vi } from 'vitest'
import { LiveChannel } from '@/api/live'

/** The other end of the channel, held by the test. */
class Source {
  static all: Source[] = []
  onopen: (() => void) | null = null
  onerror: (() => void) | null = null
  closed = false
  readonly #heard = new Map<string, (event: MessageEvent) => void>()

  constructor(readonly url: string) {
    Source.all.push(this)
  }

  addEventListener(name: string, handler: (event: MessageEvent) => void): void {
    this.#heard.set(name, handler)
  }

  close(): void {
    this.closed = true
  }

  send(name: string, data: unknown, id: string): void {
    this.#heard.get(name)?.(new MessageEvent(name, { data: JSON.stringify(data), lastEventId: id }))
  }
}

const last = (): Source => Source.all.at(-1) as Source
const topics = (): string[] => new URLSearchParams(last().url.split('?')[1]).get('topics')?.split(',') ?? []

beforeEach(() => {
  vi.useFakeTimers()
  Source.all = []
})
afterEach(() => vi.useRealTimers())

it('goes on from its cursor after a break, and says meanwhile that it is down', () => {
  const channel = new LiveChannel(url => new Source(url) as unknown as EventSource)
  const stop = channel.start()
  last().onopen?.()
  expect(channel.status).toBe('open')
  last().send('queues', { items: [] }, '7.3')
  last().onerror?.()
  expect(channel.status).toBe('down')
  expect(Source.all[0]?.closed).toBe(true)
  vi.advanceTimersByTime(300)
  expect(last().url).toContain('cursor=7.3')
  last().onopen?.()
  expect(channel.status).toBe('open')
  stop()
  expect(last().closed).toBe(true)
})

it('waits longer each time nobody answers, three seconds at most', () => {
  const channel = new LiveChannel(url => new Source(url) as unknown as EventSource)
  const stop = channel.start()
  const waits: number[] = []
  for (let turn = 0; turn < 6; turn++) {
    const before = Source.all.length
    last().onerror?.()
    let waited = 0
    while (Source.all.length === before) {
      vi.advanceTimersByTime(50)
      waited += 50
    }
    waits.push(waited)
  }
  expect(waits).toEqual([250, 500, 1_000, 2_000, 3_000, 3_000])
  stop()
})

it('asks for a topic while somebody listens, with one new connection for a burst', async () => {
  const channel = new LiveChannel(url => new Source(url) as unknown as EventSource)
  const stop = channel.start()
  expect(topics()).not.toContain('logs')
  const heard: unknown[] = []
  const off = [channel.on('logs', event => heard.push(event)), channel.on('traces', () => undefined)]
  await Promise.resolve()
  expect(Source.all).toHaveLength(2)
  expect(topics()).toEqual(expect.arrayContaining(['logs', 'traces', 'queues']))
  last().send('logs', { items: [], skipped: 0 }, '1.1')
  expect(heard).toEqual([{ items: [], skipped: 0 }])
  for (const leave of off) leave()
  await Promise.resolve()
  expect(topics()).not.toContain('logs')
  stop()
})
