import { ChevronDown, ChevronRight, ZoomOut } from 'lucide-react'
import { memo, useEffect, useMemo, useState, type PointerEvent } from 'react'
import type { Span } from '@/api/types'
import { duration } from '@/format'
import { callText, marks, rowsOf, type Row } from '@/pages/traces/waterfall'
import { useKeys } from '@/shell/keys'
import { IconButton } from '@/ui/button'
import { KindIcon } from '@/ui/kind'
import { failed, StatusIcon } from '@/ui/status'
import { between, useWindowed } from '@/ui/windowed'

const ROW_PX = 28
const INDENT_PX = 14
const NAMES = 'w-[min(44%,22rem)] shrink-0'
const MARKS = 5
const MIN_ZOOM_PX = 6

type Props = {
  spans: readonly Span[]
  extent: [number, number]
  now_ms: number
  chosen: string | undefined
  onChoose: (span_id: string) => void
}

/** Spans as bars over time. Drag over the ruler to look closer; `j` and `k` go from row to row. */
export function Waterfall({ spans, extent, now_ms, chosen, onChoose }: Props) {
  const [flipped, setFlipped] = useState<ReadonlySet<string>>(new Set())
  const [zoom, setZoom] = useState<[number, number] | null>(null)
  const [active, setActive] = useState(chosen)
  const rows = useMemo(() => rowsOf(spans, flipped, now_ms), [spans, flipped, now_ms])
  const [from, to] = zoom ?? extent
  const { box, first, last, reveal, height_px } = useWindowed(rows.length, ROW_PX)
  const at = rows.findIndex(row => row.id === active)
  const row_of_chosen = rows.findIndex(row => row.id === chosen)
  useEffect(() => {
    reveal(row_of_chosen)
    // Only when another span is chosen: rows that come in must not move what is read.
  }, [chosen])
  const choose = (row: Row) => {
    setActive(row.id)
    onChoose(row.span.span_id)
  }
  const flip = (row: Row) => {
    const next = new Set(flipped)
    if (!next.delete(row.id)) next.add(row.id)
    setFlipped(next)
  }
  const move = (way: number) => {
    const row = rows[Math.min(rows.length - 1, Math.max(0, (at < 0 ? row_of_chosen : at) + way))]
    if (row === undefined) return
    choose(row)
    reveal(rows.indexOf(row))
  }
  const current = rows[at]
  useKeys({
    j: () => move(1),
    k: () => move(-1),
    ArrowDown: () => move(1),
    ArrowUp: () => move(-1),
    ArrowRight: () => current && current.children > 0 && !current.open && flip(current),
    ArrowLeft: () => current?.open && flip(current),
  })
  return (
    <div className="flex h-full flex-col" role="treegrid" aria-label="Waterfall" aria-rowcount={rows.length}>
      <Ruler extent={extent} from={from} to={to} zoomed={zoom !== null} onZoom={setZoom} />
      <div
        ref={box}
        tabIndex={0}
        role="rowgroup"
        className="min-h-0 flex-1 overflow-x-hidden overflow-y-auto"
      >
        <div className="relative" style={{ height: height_px }} role="presentation">
          {between(first, last).map(index => {
            const row = rows[index]
            if (row === undefined) return null
            return (
              <WaterfallRow
                key={row.id}
                row={row}
                index={index}
                top_px={index * ROW_PX}
                from={from}
                to={to}
                chosen={row.id === (active ?? chosen) || (row.call === undefined && row.id === chosen)}
                onChoose={choose}
                onFlip={flip}
              />
            )
          })}
        </div>
      </div>
    </div>
  )
}

type RulerProps = {
  extent: [number, number]
  from: number
  to: number
  zoomed: boolean
  onZoom: (range: [number, number] | null) => void
}

function Ruler({ extent, from, to, zoomed, onZoom }: RulerProps) {
  const [drag, setDrag] = useState<[number, number] | null>(null)
  const place = (event: PointerEvent<HTMLDivElement>) =>
    event.clientX - event.currentTarget.getBoundingClientRect().left
  const finish = (event: PointerEvent<HTMLDivElement>) => {
    const width = event.currentTarget.clientWidth
    if (drag !== null && Math.abs(drag[1] - drag[0]) >= MIN_ZOOM_PX) {
      const [start, end] = [Math.min(...drag), Math.max(...drag)]
      const time = (px: number) => from + ((to - from) * px) / width
      onZoom([time(start), time(end)])
    }
    setDrag(null)
  }
  const offset = from - extent[0]
  return (
    <div className="flex h-7 shrink-0 border-b border-line" role="presentation">
      <div className={`${NAMES} flex items-center justify-between pr-1 pl-4`}>
        <span className="label">Span</span>
        {zoomed && (
          <IconButton label="Show the whole trace" onClick={() => onZoom(null)} className="size-6!">
            <ZoomOut />
          </IconButton>
        )}
      </div>
      <div
        className="relative mr-20 flex-1 cursor-crosshair touch-none select-none"
        title="Drag to look closer, double-click for the whole trace"
        onPointerDown={event => {
          event.currentTarget.setPointerCapture(event.pointerId)
          setDrag([place(event), place(event)])
        }}
        onPointerMove={event => drag && setDrag([drag[0], place(event)])}
        onPointerUp={finish}
        onDoubleClick={() => onZoom(null)}
      >
        {marks(to - from, MARKS).map(mark => (
          <span
            key={mark}
            className="num absolute inset-y-0 border-l border-line pl-1.5 text-2xs leading-7 whitespace-nowrap text-faint"
            style={{ left: `${(100 * mark) / (to - from)}%` }}
          >
            {duration((offset + mark) * 1_000)}
          </span>
        ))}
        {drag && (
          <span
            className="absolute inset-y-0 bg-live-soft"
            style={{ left: Math.min(...drag), width: Math.abs(drag[1] - drag[0]) }}
          />
        )}
      </div>
    </div>
  )
}

type RowProps = {
  row: Row
  index: number
  top_px: number
  from: number
  to: number
  chosen: boolean
  onChoose: (row: Row) => void
  onFlip: (row: Row) => void
}

const WaterfallRow = memo(function WaterfallRow({
  row,
  index,
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
          style={{ left: `${left}%`, width: `${share(row.to_ms) - left}%` }}
        />
      </div>
      <div role="gridcell" className="num w-20 shrink-0 pr-3 text-right text-2xs text-muted">
        {duration(took_us)}
      </div>
    </div>
  )
})
