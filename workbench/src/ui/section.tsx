import type { ReactNode } from 'react'

/** A titled part of a panel. */
export function Section({
  title,
  tools,
  children,
}: {
  title: string
  tools?: ReactNode
  children: ReactNode
}) {
  return (
    <section aria-label={title} className="px-4 py-3">
      <header className="mb-2 flex h-5 items-center justify-between">
        <h3 className="text-xs font-semibold">{title}</h3>
        {tools}
      </header>
      {children}
    </section>
  )
}

/** Names and values in two columns; entries without a value are left out. */
export function Facts({ facts }: { facts: [string, ReactNode][] }) {
  return (
    <dl className="grid grid-cols-[7rem_minmax(0,1fr)] gap-y-1 text-xs">
      {facts
        .filter(([, value]) => value !== null && value !== undefined && value !== false && value !== '')
        .map(([name, value]) => (
          <div key={name} className="contents">
            <dt className="text-faint">{name}</dt>
            <dd className="min-w-0 break-words">{value}</dd>
          </div>
        ))}
    </dl>
  )
}
