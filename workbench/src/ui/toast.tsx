import { createContext, useCallback, useContext, useMemo, useState, type ReactNode } from 'react'

type Toast = { id: number; text: ReactNode; tone: 'good' | 'bad' }
type Tell = (text: ReactNode, tone?: 'good' | 'bad') => void

const ToastContext = createContext<Tell>(() => undefined)
const SHOWN_MS = 5_000

/** Say what an action did; read aloud politely, gone after five seconds. */
export const useToast = (): Tell => useContext(ToastContext)

export function ToastProvider({ children }: { children: ReactNode }) {
  const [toasts, setToasts] = useState<Toast[]>([])
  const next = useMemo(() => ({ id: 0 }), [])
  const tell = useCallback<Tell>(
    (text, tone = 'good') => {
      const id = next.id++
      setToasts(shown => [...shown.slice(-3), { id, text, tone }])
      setTimeout(() => setToasts(shown => shown.filter(toast => toast.id !== id)), SHOWN_MS)
    },
    [next],
  )
  return (
    <ToastContext value={tell}>
      {children}
      <div
        role="status"
        aria-live="polite"
        className="fixed right-4 bottom-4 z-50 flex flex-col items-end gap-2"
      >
        {toasts.map(toast => (
          <div
            key={toast.id}
            className="flex max-w-96 items-center gap-2.5 rounded-lg border border-line-strong bg-raised px-3 py-2 text-xs shadow-pop"
          >
            <span
              className={`size-1.5 shrink-0 rounded-full ${toast.tone === 'good' ? 'bg-good' : 'bg-bad'}`}
              aria-hidden
            />
            <span className="min-w-0 break-words">{toast.text}</span>
          </div>
        ))}
      </div>
    </ToastContext>
  )
}
