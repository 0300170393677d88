import { useEffect, useRef } from 'react'

/** The key that makes a letter a command, as this machine's keyboards show it. */
export const COMMAND = /Mac|iP/.test(navigator.platform) ? '⌘' : 'Ctrl '

type Keys = Record<string, (event: KeyboardEvent) => void>

/** True while a key belongs to a field, a dialog or a browser shortcut. */
function taken(event: KeyboardEvent): boolean {
  const target = event.target as HTMLElement | null
  return (
    event.metaKey ||
    event.ctrlKey ||
    event.altKey ||
    event.defaultPrevented ||
    (target?.closest?.('input, textarea, select, [contenteditable], dialog, .editor') ?? null) !== null
  )
}

/** Single keys while the component is shown. Not heard while something is typed. */
export function useKeys(keys: Keys, enabled = true): void {
  const latest = useRef(keys)
  useEffect(() => {
    latest.current = keys
  })
  useEffect(() => {
    if (!enabled) return
    const press = (event: KeyboardEvent) => {
      const run = taken(event) ? undefined : latest.current[event.key]
      if (run === undefined) return
      event.preventDefault()
      run(event)
    }
    window.addEventListener('keydown', press)
    return () => window.removeEventListener('keydown', press)
  }, [enabled])
}
