import {
  Ban,
  Check,
  CirclePause,
  Hourglass,
  LoaderCircle,
  Phone,
  RotateCcw,
  Timer,
  Undo2,
  UserCheck,
  X,
  type LucideIcon,
} from 'lucide-react'
import type { RunEntry, RunStatus } from '@/api/types'

type Look = { icon: LucideIcon; text: string; tone: string; soft: string }

export const RUN_STATUSES: Record<RunStatus, Look> = {
  running: { icon: LoaderCircle, text: 'Running', tone: 'text-live', soft: 'bg-live-soft' },
  suspended: { icon: Hourglass, text: 'Waiting', tone: 'text-warn', soft: 'bg-warn-soft' },
  held: { icon: CirclePause, text: 'Held', tone: 'text-bad', soft: 'bg-bad-soft' },
  completed: { icon: Check, text: 'Completed', tone: 'text-good', soft: 'bg-good-soft' },
  failed: { icon: X, text: 'Failed', tone: 'text-bad', soft: 'bg-bad-soft' },
  cancelled: { icon: Ban, text: 'Cancelled', tone: 'text-muted', soft: 'bg-hover' },
}

export function RunIcon({ status }: { status: RunStatus }) {
  const { icon: Icon, text, tone } = RUN_STATUSES[status]
  return (
    <span className={`inline-flex shrink-0 ${tone}`} title={text}>
      <Icon
        className={`size-3.5 ${status === 'running' ? 'animate-spin' : ''}`}
        strokeWidth={2.4}
        aria-hidden
      />
      <span className="sr-only">{text}</span>
    </span>
  )
}

export function RunBadge({ status }: { status: RunStatus }) {
  const { icon: Icon, text, tone, soft } = RUN_STATUSES[status]
  return (
    <span
      className={`inline-flex h-5 shrink-0 items-center gap-1 rounded-full px-2 text-2xs font-medium ${tone} ${soft}`}
    >
      <Icon
        className={`size-3 ${status === 'running' ? 'animate-spin' : ''}`}
        strokeWidth={2.6}
        aria-hidden
      />
      {text}
    </span>
  )
}

const ENTRY_STATUSES: Record<RunEntry['status'], Look> = {
  done: { icon: Check, text: 'Done', tone: 'text-good', soft: '' },
  failed: { icon: X, text: 'Failed', tone: 'text-bad', soft: '' },
  retrying: { icon: RotateCcw, text: 'To be tried again', tone: 'text-warn', soft: '' },
  waiting: { icon: Hourglass, text: 'Waiting', tone: 'text-warn', soft: '' },
}

const ENTRY_KINDS: Partial<Record<RunEntry['kind'], [LucideIcon, string]>> = {
  undo: [Undo2, 'Undo'],
  sleep: [Timer, 'Sleep'],
  wait: [Hourglass, 'Wait for an event'],
  call: [Phone, 'Call of a step'],
  approval: [UserCheck, 'Question to a person'],
}

/** How an entry of the journal stands; its kind, where it is more than a step. */
export function EntryIcon({ entry }: { entry: RunEntry }) {
  const { icon, text, tone } = ENTRY_STATUSES[entry.status]
  const [Icon, kind] = ENTRY_KINDS[entry.kind] ?? [icon, 'Step']
  return (
    <span className={`inline-flex shrink-0 ${tone}`} title={`${kind}: ${text}`}>
      <Icon className="size-3.5" strokeWidth={2.4} aria-hidden />
      <span className="sr-only">
        {kind}: {text}
      </span>
    </span>
  )
}
