import { X } from 'lucide-react'
import { useEffect, useRef, type ReactNode } from 'react'
import { Button, IconButton } from '@/ui/button'

type Props = { title: string; onClose: () => void; children: ReactNode; className?: string }

/** A modal; the browser keeps the focus inside, and Escape closes it. */
export function Dialog({ title, onClose, children, className = 'w-120' }: Props) {
  const box = useRef<HTMLDialogElement>(null)
  useEffect(() => {
    const dialog = box.current
    dialog?.showModal()
    return () => dialog?.close()
  }, [])
  return (
    <dialog
      ref={box}
      aria-label={title}
      onCancel={event => {
        event.preventDefault()
        onClose()
      }}
      onClick={event => {
        if (event.target === box.current) onClose()
      }}
      className={`max-h-[85vh] max-w-[92vw] overflow-hidden rounded-xl border border-line-strong bg-raised shadow-pop ${className}`}
    >
      <div className="flex max-h-[85vh] flex-col">
        <header className="flex h-11 shrink-0 items-center justify-between border-b border-line pr-2 pl-4">
          <h2 className="text-sm font-semibold">{title}</h2>
          <IconButton label="Close" onClick={onClose}>
            <X />
          </IconButton>
        </header>
        <div className="min-h-0 overflow-auto p-4">{children}</div>
      </div>
    </dialog>
  )
}

type ConfirmProps = {
  title: string
  children: ReactNode
  action: string
  busy?: boolean
  /** It can be done without harm. */
  safe?: boolean
  /** What the button says that leaves everything as it is. */
  dismiss?: string
  onConfirm: () => void
  onClose: () => void
}

/** Asks before something that cannot be undone. */
export function Confirm({
  title,
  children,
  action,
  busy = false,
  safe = false,
  dismiss = 'Cancel',
  onConfirm,
  onClose,
}: ConfirmProps) {
  return (
    <Dialog title={title} onClose={onClose}>
      <div className="text-sm leading-relaxed text-muted">{children}</div>
      <div className="mt-5 flex justify-end gap-2">
        <Button onClick={onClose} autoFocus>
          {dismiss}
        </Button>
        <Button look={safe ? 'primary' : 'danger'} disabled={busy} onClick={onConfirm}>
          {action}
        </Button>
      </div>
    </Dialog>
  )
}
