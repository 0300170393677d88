import {
  Ban,
  Check,
  CircleDashed,
  CornerUpLeft,
  Clock,
  Flame,
  LoaderCircle,
  RotateCcw,
  X,
  type LucideIcon,
} from 'lucide-react'
import type { Level, Status } from '@/api/types'

type Look = { icon: LucideIcon; text: string; tone: string; soft: string }

const STATUSES: Record<Status, Look> = {
  running: { icon: LoaderCircle, text: 'Running', tone: 'text-live', soft: 'bg-live-soft' },
  ok: { icon: Check, text: 'OK', tone: 'text-good', soft: 'bg-good-soft' },
  refused: { icon: CornerUpLeft, text: 'Refused', tone: 'text-warn', soft: 'bg-warn-soft' },
  cancelled: { icon: Ban, text: 'Cancelled', tone: 'text-muted', soft: 'bg-hover' },
  timeout: { icon: Clock, text: 'Timed out', tone: 'text-bad', soft: 'bg-bad-soft' },
  error: { icon: X, text: 'Failed', tone: 'text-bad', soft: 'bg-bad-soft' },
  crashed: { icon: Flame, text: 'Crashed', tone: 'text-bad', soft: 'bg-bad-soft' },
}
const UNKNOWN: Look = { icon: CircleDashed, text: 'Unknown', tone: 'text-faint', soft: 'bg-hover' }

export const failed = (status: Status): boolean =>
  status === 'error' || status === 'timeout' || status === 'crashed'

/** How many attempts failed before a trace ended well; 0 for any other. */
export const retries = (trace: { status: Status; failures: number }): number =>
  trace.status === 'running' || failed(trace.status) ? 0 : trace.failures

/** Says that something was tried again, and went well in the end. */
export function Retried({ times }: { times: number }) {
  return (
    <span className="num inline-flex h-5 shrink-0 items-center gap-1 rounded-full bg-warn-soft px-2 text-2xs font-medium text-warn">
      <RotateCcw className="size-3" strokeWidth={2.4} aria-hidden />
      retried {times} ×
    </span>
  )
}

/** The icon tells the status without its colour; the name is there for screen readers. */
export function StatusIcon({ status, className = '' }: { status: Status; className?: string }) {
  const look = STATUSES[status] ?? UNKNOWN
  const spin = status === 'running' ? 'animate-spin' : ''
  return (
    <span className={`inline-flex ${look.tone} ${className}`} title={look.text}>
      <look.icon className={`size-3.5 ${spin}`} strokeWidth={2.4} aria-hidden />
      <span className="sr-only">{look.text}</span>
    </span>
  )
}

export function StatusBadge({ status }: { status: Status }) {
  const look = STATUSES[status] ?? UNKNOWN
  return (
    <span
      className={`inline-flex h-5 items-center gap-1 rounded-full px-2 text-2xs font-medium ${look.tone} ${look.soft}`}
    >
      <look.icon
        className={`size-3 ${status === 'running' ? 'animate-spin' : ''}`}
        strokeWidth={2.6}
        aria-hidden
      />
      {look.text}
    </span>
  )
}

const LEVELS: Record<Level, string> = {
  debug: 'text-faint',
  info: 'text-muted',
  warning: 'text-warn',
  error: 'text-bad',
  critical: 'text-bad font-semibold',
}

export function LevelText({ level }: { level: Level }) {
  return <span className={`font-mono text-2xs ${LEVELS[level]}`}>{level === 'warning' ? 'warn' : level}</span>
}

export function HttpStatus({ status }: { status: number }) {
  const tone = status >= 500 ? 'text-bad' : status >= 400 ? 'text-warn' : 'text-good'
  return <span className={`num font-mono text-xs font-medium ${tone}`}>{status}</span>
}

/** A small count; loud only when it says that something is wrong. */
export function Count({
  value,
  tone = 'quiet',
}: {
  value: string | number
  tone?: 'quiet' | 'bad' | 'live'
}) {
  const tones = { quiet: 'bg-hover text-muted', bad: 'bg-bad-soft text-bad', live: 'bg-live-soft text-live' }
  return (
    <span
      className={`num inline-flex h-4.5 min-w-4.5 items-center justify-center rounded-full px-1.5 text-2xs font-medium ${tones[tone]}`}
    >
      {value}
    </span>
  )
}
