import { useState, type KeyboardEvent, type PointerEvent, type ReactNode } from 'react'

type Props = {
  /** Under which name the width is remembered. */
  name: string
  label: string
  /** The pane whose width is kept; the other takes the rest. */
  kept: 'start' | 'end'
  initial_px: number
  min_px?: number
  max_px?: number
  /** While the second is null the first has all the room; it stays the same element when the other comes. */
  children: [ReactNode, ReactNode]
}

const STEP_PX = 24

/** Two panes and a separator that the mouse drags and the arrow keys move. */
export function Split({ name, label, kept, initial_px, min_px = 200, max_px = 900, children }: Props) {
  const key = `split.${name}`
  const [width_px, setWidth] = useState(() => Number(localStorage.getItem(key)) || initial_px)
  const change = (px: number) => {
    const width = Math.round(Math.min(max_px, Math.max(min_px, px)))
    localStorage.setItem(key, String(width))
    setWidth(width)
  }
  const drag = (event: PointerEvent<HTMLDivElement>) => {
    const handle = event.currentTarget
    const origin = event.clientX
    const start = kept === 'start' ? width_px : -width_px
    handle.setPointerCapture(event.pointerId)
    handle.onpointermove = move => change(Math.abs(start + move.clientX - origin))
    handle.onpointerup = () => {
      handle.onpointermove = null
    }
  }
  const press = (event: KeyboardEvent) => {
    const way = event.key === 'ArrowLeft' ? -1 : event.key === 'ArrowRight' ? 1 : 0
    if (way === 0) return
    event.preventDefault()
    change(width_px + (kept === 'start' ? way : -way) * STEP_PX)
  }
  const alone = children[1] === null
  const columns = alone
    ? 'minmax(0, 1fr)'
    : kept === 'start'
      ? `min(${width_px}px, 70%) 1px minmax(0, 1fr)`
      : `minmax(0, 1fr) 1px min(${width_px}px, 70%)`
  return (
    <div
      className="grid h-full min-h-0"
      style={{ gridTemplateColumns: columns, gridTemplateRows: 'minmax(0, 1fr)' }}
    >
      <div className="min-h-0 min-w-0">{children[0]}</div>
      {alone ? null : (
        <div
          role="separator"
          aria-label={label}
          aria-orientation="vertical"
          aria-valuenow={width_px}
          aria-valuemin={min_px}
          aria-valuemax={max_px}
          tabIndex={0}
          onPointerDown={drag}
          onKeyDown={press}
          onDoubleClick={() => change(initial_px)}
          className="relative z-10 cursor-col-resize bg-line transition-colors after:absolute after:inset-y-0 after:-left-1 after:w-2.25 hover:bg-live focus-visible:bg-live"
        />
      )}
      {alone ? null : <div className="min-h-0 min-w-0">{children[1]}</div>}
    </div>
  )
}
