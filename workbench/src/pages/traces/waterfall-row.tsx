import { ChevronDown, ChevronRight } from 'lucide-react'
import { memo } from 'react'
import { duration } from '@/format'
import { callText, type Row } from '@/pages/traces/waterfall'
import { KindIcon, Language } from '@/ui/kind'
import { failed, StatusIcon } from '@/ui/status'

export const ROW_PX = 28
/** Width of the column of names, above and in the rows. */
export const NAMES = 'w-[min(44%,22rem)] shrink-0'
const INDENT_PX = 14

type RowProps = {
  row: Row
  index: number
  language: string | undefined
  top_px: number
  from: number
  to: number
  chosen: boolean
  onChoose: (row: Row) => void
  onFlip: (row: Row) => void
}

/** One execution or call: its name, its bar, how long it took. */
export const WaterfallRow = memo(function WaterfallRow({
  row,
  index,
  language,
  top_px,
  from,
  to,
  chosen,
  onChoose,
  onFlip,
}: RowProps) {
  const { span, call } = row
  const share = (at: number) => (100 * (at - from)) / (to - from)
  const left = share(row.from_ms)
  const bad = call ? !call.ok : failed(span.status)
  const Fold = row.open ? ChevronDown : ChevronRight
  const took_us = call ? call.duration_us : (row.to_ms - row.from_ms) * 1_000
  return (
    <div
      role="row"
      aria-rowindex={index + 1}
      aria-level={row.depth + 1}
      aria-selected={chosen}
      {...(row.children > 0 ? { 'aria-expanded': row.open } : {})}
      onClick={() => onChoose(row)}
      className={`absolute inset-x-0 flex cursor-default items-center ${chosen ? 'bg-pressed' : 'hover:bg-hover'}`}
      style={{ height: ROW_PX, top: top_px }}
    >
      <div
        role="gridcell"
        className={`${NAMES} flex h-full items-center gap-1.5 overflow-hidden pr-2`}
        style={{ paddingLeft: 10 + row.depth * INDENT_PX }}
      >
        {row.children > 0 ? (
          <button
            type="button"
            tabIndex={-1}
            aria-label={row.open ? 'Fold' : 'Unfold'}
            className="shrink-0 rounded text-faint hover:text-ink"
            onClick={event => {
              event.stopPropagation()
              onFlip(row)
            }}
          >
            <Fold className="size-3.5" />
          </button>
        ) : (
          <span className="w-3.5 shrink-0" />
        )}
        {call ? (
          <span className={`truncate font-mono text-2xs ${bad ? 'text-bad' : 'text-muted'}`}>
            {callText(call)}
          </span>
        ) : (
          <>
            <StatusIcon status={span.status} className="shrink-0 [&>svg]:size-3" />
            <KindIcon kind={span.kind} className="size-3" />
            <span className="truncate text-xs font-medium">{span.name}</span>
            <Language of={language} />
            {span.attempt > 1 && (
              <span className="num shrink-0 rounded bg-hover px-1 text-2xs text-muted">
                try {span.attempt}
              </span>
            )}
          </>
        )}
      </div>
      <div role="gridcell" className="relative h-full flex-1 overflow-hidden">
        {row.wait_from_ms < row.from_ms && (
          <span
            className="waiting absolute top-1/2 h-2 -translate-y-1/2 rounded-l-xs"
            title={`waited ${duration(span.queue_wait_us)}`}
            style={{ left: `${share(row.wait_from_ms)}%`, width: `${left - share(row.wait_from_ms)}%` }}
          />
        )}
        <span
          className={`absolute top-1/2 min-w-0.5 -translate-y-1/2 rounded-xs ${
            call ? `h-1.5 ${bad ? 'bg-bad' : 'bg-faint'}` : `h-3 ${bad ? 'bg-bad-solid' : 'bg-live-solid'}`
          } ${span.status === 'running' && !call ? 'animate-pulse' : ''}`}
          style={{ left: `min(${left}%, 100% - 2px)`, width: `${share(row.to_ms) - left}%` }}
        />
      </div>
      <div role="gridcell" className="num w-20 shrink-0 pr-3 text-right text-2xs text-muted">
        {duration(took_us)}
      </div>
    </div>
  )
})
