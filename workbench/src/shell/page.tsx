import type { ReactNode } from 'react'
import { useEffect } from 'react'

type Props = { title: string; lead?: ReactNode; tools?: ReactNode; children: ReactNode }

/** The frame of every page: one bar with the title, filters and actions, and the rest below. */
export function Page({ title, lead, tools, children }: Props) {
  useEffect(() => {
    document.title = `${title} · Workbench`
  }, [title])
  return (
    <div className="flex h-full min-w-0 flex-col">
      <header className="flex min-h-11 shrink-0 items-center gap-3 border-b border-line px-4">
        <h1 className="shrink-0 text-sm font-semibold">{title}</h1>
        <div className="flex min-w-0 flex-1 flex-wrap items-center gap-2 py-1.5 max-sm:flex-nowrap max-sm:overflow-x-auto max-sm:px-1 max-sm:[&>select]:shrink-0">
          {lead}
        </div>
        {tools && <div className="flex shrink-0 items-center gap-2">{tools}</div>}
      </header>
      <div className="min-h-0 flex-1">{children}</div>
    </div>
  )
}
