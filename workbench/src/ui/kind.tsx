import {
  CalendarClock,
  CircleDashed,
  Database,
  Globe,
  Layers,
  MousePointerClick,
  Radio,
  Timer,
  Workflow,
  type LucideIcon,
} from 'lucide-react'
import type { Kind } from '@/api/types'

type AnyKind = Kind | 'noop' | 'topic' | ''

const KINDS: Record<AnyKind, [LucideIcon, string]> = {
  http: [Globe, 'HTTP'],
  queue: [Layers, 'Queue'],
  cron: [CalendarClock, 'Cron'],
  state: [Database, 'State'],
  stream: [Radio, 'Stream'],
  at: [Timer, 'At a time'],
  manual: [MousePointerClick, 'By hand'],
  noop: [CircleDashed, 'Noop'],
  topic: [Workflow, 'Topic'],
  '': [CircleDashed, 'Unknown'],
}

export const kindName = (kind: AnyKind): string => KINDS[kind]?.[1] ?? kind

export function KindIcon({ kind, className = 'size-3.5' }: { kind: AnyKind; className?: string }) {
  const [Icon, name] = KINDS[kind] ?? KINDS['']
  return (
    <span className="inline-flex shrink-0 text-faint" title={name}>
      <Icon className={className} aria-hidden />
      <span className="sr-only">{name}</span>
    </span>
  )
}

const LANGUAGES: Record<string, string> = { typescript: 'ts', javascript: 'js', ruby: 'rb', go: 'go' }

/** The language of a step, where it is not Python. */
export function Language({ of }: { of: string | undefined }) {
  if (of === undefined || of === 'python') return null
  return (
    <span className="shrink-0 rounded bg-hover px-1 font-mono text-2xs text-muted" title={of}>
      {LANGUAGES[of] ?? of}
    </span>
  )
}

const METHODS: Record<string, string> = {
  GET: 'text-good',
  HEAD: 'text-good',
  DELETE: 'text-bad',
}

/** Reading is green, deleting red, everything that writes the accent. */
export function Method({ method, className = '' }: { method: string; className?: string }) {
  return (
    <span className={`font-mono text-2xs font-semibold ${METHODS[method] ?? 'text-live'} ${className}`}>
      {method}
    </span>
  )
}

/** A path with its parameters set apart. */
export function RoutePath({ path, className = '' }: { path: string; className?: string }) {
  return (
    <span className={`font-mono text-xs ${className}`}>
      {path.split(/(:\w+\??|\{[^}]+\}|\*\w*)/).map((part, index) =>
        index % 2 === 1 ? (
          <span key={index} className="text-live">
            {part}
          </span>
        ) : (
          part
        ),
      )}
    </span>
  )
}
