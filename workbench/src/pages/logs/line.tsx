import { ChevronRight, Filter } from 'lucide-react'
import { memo, useState } from 'react'
import { Link } from 'wouter'
import type { LogLine } from '@/api/types'
import { clock, stamp } from '@/format'
import { LevelText } from '@/ui/status'
import { to } from '@/urls'

type Props = {
  line: LogLine
  chosen: boolean
  /** By its position; nothing for the line that is open. */
  onOpen: (position: string | undefined) => void
  onTrace: (trace_id: string) => void
}

const EDGE = { debug: '', info: '', warning: 'bg-warn', error: 'bg-bad', critical: 'bg-bad' }

/** One line of the log: when, how bad, which step, what; its trace is one click away. */
export const Line = memo(function Line({ line, chosen, onOpen, onTrace }: Props) {
  // Not before the line is pointed at or focused: made for each, they take half of the time of scrolling.
  const [tools, setTools] = useState(false)
  const need = () => setTools(true)
  return (
    <div
      onPointerEnter={need}
      onFocus={need}
      className={`group relative flex h-full items-center gap-3 pr-2 pl-4 font-mono text-xs ${chosen ? 'bg-pressed' : 'hover:bg-hover'}`}
    >
      <span className={`absolute inset-y-px left-0 w-0.5 ${EDGE[line.level]}`} aria-hidden />
      <button
        type="button"
        aria-expanded={chosen}
        onClick={() => onOpen(chosen ? undefined : String(line.position))}
        className="flex h-full min-w-0 flex-1 items-center gap-3 text-left"
      >
        <time className="num shrink-0 text-2xs text-faint" title={stamp(line.at_ms)}>
          {clock(line.at_ms)}
        </time>
        <span className="w-12 shrink-0">
          <LevelText level={line.level} />
        </span>
        <span
          className="hidden w-40 shrink-0 truncate font-sans text-muted @xl:inline-block"
          title={line.step}
        >
          {line.step}
        </span>
        <span className={`min-w-0 truncate ${line.level === 'debug' ? 'text-muted' : ''}`}>
          {line.message}
        </span>
        {line.data !== null && (
          <span className="hidden min-w-0 flex-1 truncate text-faint @xl:inline-block">
            {JSON.stringify(line.data)}
          </span>
        )}
      </button>
      {tools && line.trace_id && (
        <span className="flex shrink-0 items-center gap-1 opacity-0 transition-opacity group-focus-within:opacity-100 group-hover:opacity-100">
          <button
            type="button"
            aria-label="Only this trace"
            title="Only this trace"
            className="rounded p-1 text-faint hover:text-ink"
            onClick={() => onTrace(line.trace_id)}
          >
            <Filter className="size-3" />
          </button>
          <Link
            href={to.trace(line.trace_id, line.span_id)}
            className="flex items-center font-sans text-2xs text-live hover:underline"
          >
            Trace
            <ChevronRight className="size-3" aria-hidden />
          </Link>
        </span>
      )}
    </div>
  )
})
