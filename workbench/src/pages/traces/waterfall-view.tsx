import { ZoomOut } from 'lucide-react'
import { useQuery } from '@tanstack/react-query'
import { useEffect, useMemo, useState, type PointerEvent } from 'react'
import * as read from '@/api/queries'
import type { Span } from '@/api/types'
import { duration } from '@/format'
import { marks, rowsOf, type Row } from '@/pages/traces/waterfall'
import { NAMES, ROW_PX, WaterfallRow } from '@/pages/traces/waterfall-row'
import { useKeys } from '@/shell/keys'
import { IconButton } from '@/ui/button'
import { between, useWindowed } from '@/ui/windowed'

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
  const steps = useQuery(read.steps).data
  const languages = useMemo(() => new Map(steps?.map(step => [step.name, step.language])), [steps])
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
                language={row.call ? undefined : languages.get(row.span.name)}
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
