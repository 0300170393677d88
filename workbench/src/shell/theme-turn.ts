import { useSyncExternalStore } from 'react'

function watch(told: () => void): () => void {
  const observer = new MutationObserver(told)
  observer.observe(document.documentElement, { attributeFilter: ['data-theme'] })
  const system = matchMedia('(prefers-color-scheme: dark)')
  system.addEventListener('change', told)
  return () => {
    observer.disconnect()
    system.removeEventListener('change', told)
  }
}

const now = (): string =>
  `${document.documentElement.dataset.theme ?? 'system'} ${matchMedia('(prefers-color-scheme: dark)').matches}`

/** Changes whenever the colours do: for what is painted on a canvas. */
export const useThemeTurn = (): string => useSyncExternalStore(watch, now)
