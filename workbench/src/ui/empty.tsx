import type { ReactNode } from 'react'
import { CopyButton } from '@/ui/copy'

/** Nothing to show: says why, and what to do next. */
export function Empty({
  title,
  children,
  command,
}: {
  title: string
  children?: ReactNode
  command?: string
}) {
  return (
    <div className="flex h-full min-h-40 flex-col items-center justify-center gap-2 p-8 text-center">
      <p className="text-sm font-medium text-ink">{title}</p>
      {children && <div className="max-w-md text-xs leading-relaxed text-muted">{children}</div>}
      {command && (
        <div className="mt-2 flex items-center gap-1 rounded-md border border-line bg-sunken py-1 pr-1 pl-3">
          <code className="font-mono text-xs text-ink">{command}</code>
          <CopyButton text={command} label="Copy the command" />
        </div>
      )}
    </div>
  )
}

export function Loading() {
  return (
    <div role="status" className="flex h-full min-h-24 items-center justify-center">
      <span className="h-0.5 w-16 overflow-hidden rounded bg-line">
        <span className="block h-full w-1/3 animate-pulse rounded bg-live" />
      </span>
      <span className="sr-only">Loading</span>
    </div>
  )
}
