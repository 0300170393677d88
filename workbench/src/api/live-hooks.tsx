import { useQueryClient } from '@tanstack/react-query'
import { createContext, useContext, useEffect, useRef, useSyncExternalStore } from 'react'
import type { LiveChannel, LiveStatus } from '@/api/live'
import type { LiveEvents } from '@/api/types'

const LiveContext = createContext<LiveChannel | null>(null)
export const LiveProvider = LiveContext.Provider

function useChannel(): LiveChannel {
  const channel = useContext(LiveContext)
  if (channel === null) throw new Error('useLive: expected a LiveProvider above')
  return channel
}

/** Hear an event while the component is shown (and `enabled`). */
export function useLive<Name extends keyof LiveEvents>(
  name: Name,
  handler: (data: LiveEvents[Name]) => void,
  enabled = true,
): void {
  const channel = useChannel()
  const latest = useRef(handler)
  useEffect(() => {
    latest.current = handler
  })
  useEffect(
    () => (enabled ? channel.on(name, data => latest.current(data)) : undefined),
    [channel, name, enabled],
  )
}

export function useLiveStatus(): LiveStatus {
  const channel = useChannel()
  return useSyncExternalStore(channel.watch, () => channel.status)
}

/** Load queries again after an event: once for a burst of them, `settled_ms` after its first. */
export function useRefresh<Name extends keyof LiveEvents>(
  name: Name,
  queryKey: string[],
  settled_ms: number,
  matters: (data: LiveEvents[Name]) => boolean = () => true,
): void {
  const client = useQueryClient()
  const timer = useRef<number>(undefined)
  useEffect(() => () => clearTimeout(timer.current), [])
  useLive(name, data => {
    if (timer.current !== undefined || !matters(data)) return
    timer.current = setTimeout(() => {
      timer.current = undefined
      void client.invalidateQueries({ queryKey })
    }, settled_ms) as unknown as number
  })
}
