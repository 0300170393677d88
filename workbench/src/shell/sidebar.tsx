import { useQuery } from '@tanstack/react-query'
import { CircleHelp, Command, Puzzle, type LucideIcon } from 'lucide-react'
import type { ReactNode } from 'react'
import { Link, useLocation } from 'wouter'
import { useLiveStatus } from '@/api/live-hooks'
import * as read from '@/api/queries'
import { short } from '@/format'
import { COMMAND } from '@/shell/keys'
import { PAGES } from '@/shell/pages'
import { Mark } from '@/shell/mark'
import { ThemeButton } from '@/shell/theme'
import { IconButton } from '@/ui/button'
import { Count } from '@/ui/status'
import { to } from '@/urls'

const GROUPS = [...new Set(PAGES.map(page => page.group))]

type Props = { onPalette: () => void; onHelp: () => void }

export function Sidebar({ onPalette, onHelp }: Props) {
  const { data: project } = useQuery(read.project)
  const { data: queues = [] } = useQuery(read.queues)
  const dead = queues.reduce((sum, queue) => sum + queue.dead, 0)
  const name = project?.name ?? 'Workbench'
  const plugins = project?.plugins ?? []
  return (
    <nav
      aria-label="Workbench"
      className="flex w-12 shrink-0 flex-col border-r border-line bg-canvas lg:w-48"
    >
      <Link
        href={to.flow()}
        className="flex h-11 shrink-0 items-center gap-2.5 px-3.5 text-sm font-semibold"
        title={name}
      >
        <Mark />
        <span className="truncate max-lg:sr-only">{name}</span>
      </Link>
      <div className="px-2 pb-2">
        <button
          type="button"
          onClick={onPalette}
          className="flex h-7 w-full items-center gap-2 rounded-md border border-line px-2 text-xs text-muted hover:border-line-strong hover:text-ink"
        >
          <Command className="size-3 shrink-0" aria-hidden />
          <span className="flex-1 text-left max-lg:sr-only">Go to</span>
          <kbd className="font-mono text-2xs max-lg:hidden">{COMMAND}K</kbd>
        </button>
      </div>
      <div className="min-h-0 flex-1 overflow-y-auto px-2">
        {GROUPS.map(group => (
          <Group key={group} title={group}>
            {PAGES.filter(page => page.group === group).map(page => (
              <Item key={page.href} href={page.href} icon={page.icon} title={page.title}>
                {page.title === 'Queues' && dead > 0 && <Count value={short(dead)} tone="bad" />}
              </Item>
            ))}
          </Group>
        ))}
        {plugins.length > 0 && (
          <Group title="Plugins">
            {plugins.map(plugin => (
              <Item key={plugin.name} href={to.plugin(plugin.name)} icon={Puzzle} title={plugin.label} />
            ))}
          </Group>
        )}
      </div>
      <footer className="flex shrink-0 items-center justify-between border-t border-line p-2 max-lg:flex-col">
        <Connection version={project?.version} />
        <span className="flex max-lg:flex-col">
          <IconButton label="Keys and help" onClick={onHelp}>
            <CircleHelp />
          </IconButton>
          <ThemeButton />
        </span>
      </footer>
    </nav>
  )
}

function Group({ title, children }: { title: string; children: ReactNode }) {
  return (
    <section className="mb-3" aria-label={title}>
      <h2 className="label px-2 pb-1 max-lg:sr-only">{title}</h2>
      <ul className="flex flex-col gap-px">{children}</ul>
    </section>
  )
}

type ItemProps = { href: string; icon: LucideIcon; title: string; children?: ReactNode }

function Item({ href, icon: Icon, title, children }: ItemProps) {
  const [path] = useLocation()
  const here = path === href || path.startsWith(`${href}/`)
  return (
    <li>
      <Link
        href={href}
        title={title}
        aria-current={here ? 'page' : undefined}
        className={`flex h-7 items-center gap-2.5 rounded-md px-2 text-sm transition-colors ${
          here ? 'bg-pressed font-medium text-ink' : 'text-muted hover:bg-hover hover:text-ink'
        }`}
      >
        <Icon className={`size-4 shrink-0 ${here ? 'text-live' : ''}`} strokeWidth={1.8} aria-hidden />
        <span className="flex-1 truncate max-lg:sr-only">{title}</span>
        <span className="max-lg:hidden">{children}</span>
      </Link>
    </li>
  )
}

const TEXTS = { open: 'Live', connecting: 'Connecting', down: 'Disconnected' }

function Connection({ version }: { version: string | undefined }) {
  const status = useLiveStatus()
  const tone = { open: 'bg-good', connecting: 'bg-warn', down: 'bg-bad' }[status]
  return (
    <span className="flex items-center gap-2 pl-2 text-xs text-muted max-lg:p-2" title={TEXTS[status]}>
      <span className={`size-1.5 rounded-full ${tone}`} aria-hidden />
      <span className="max-lg:sr-only">{status === 'open' && version ? `v${version}` : TEXTS[status]}</span>
    </span>
  )
}
