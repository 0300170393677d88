import * as Radix from '@radix-ui/react-tabs'
import type { ReactNode } from 'react'

type Tab = { id: string; title: ReactNode; body: ReactNode }

type Props = { label: string; tabs: Tab[]; value: string; onChange: (id: string) => void; tools?: ReactNode }

/** A strip of tabs over the body of the chosen one. */
export function Tabs({ label, tabs, value, onChange, tools }: Props) {
  const chosen = tabs.some(tab => tab.id === value) ? value : (tabs[0]?.id ?? '')
  return (
    <Radix.Root value={chosen} onValueChange={onChange} className="flex h-full min-h-0 flex-col">
      <div className="flex h-9 shrink-0 items-center justify-between border-b border-line pr-2">
        <Radix.List
          aria-label={label}
          className="flex h-full min-w-0 items-stretch gap-4 overflow-x-auto px-4"
        >
          {tabs.map(tab => (
            <Radix.Trigger
              key={tab.id}
              value={tab.id}
              className="-mb-px flex items-center gap-1.5 border-b-2 border-transparent text-xs font-medium whitespace-nowrap text-muted hover:text-ink data-[state=active]:border-live data-[state=active]:text-ink"
            >
              {tab.title}
            </Radix.Trigger>
          ))}
        </Radix.List>
        {tools}
      </div>
      {tabs.map(tab => (
        <Radix.Content key={tab.id} value={tab.id} className="min-h-0 flex-1 overflow-auto">
          {tab.body}
        </Radix.Content>
      ))}
    </Radix.Root>
  )
}
