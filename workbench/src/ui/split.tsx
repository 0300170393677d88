import {
  useLayoutEffect,
  useRef,
  useState,
  type KeyboardEvent,
  type PointerEvent,
  type ReactNode,
} from 'react'

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
/** The other pane is never narrower than this. */
const OTHER_PX = 340

/**
 * Two panes and a separator that the mouse drags and the arrow keys move. Where there is no room for both side
 * by side they stand one above the other.
 */
export function Split({ name, label, kept, initial_px, min_px = 200, max_px = 900, children }: Props) {
  const key = `split.${name}`
  const [dragged_px, setDragged] = useState(() => Number(localStorage.getItem(key)) || undefined)
  const width_px = dragged_px ?? initial_px
  const change = (px: number) => {
    const width = Math.round(Math.min(max_px, Math.max(min_px, px)))
    localStorage.setItem(key, String(width))
    setDragged(width)
  }
  const drag = (event: PointerEvent<HTMLDivElement>) => {
    const handle = event.currentTarget
    const origin = event.clientX
    const pane = kept === 'start' ? handle.previousElementSibling : handle.nextElementSibling
    const shown_px = pane?.clientWidth ?? width_px
    const start = kept === 'start' ? shown_px : -shown_px
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
  const [box, stacked] = useStacked(min_px + OTHER_PX)
  // Until somebody says otherwise, none of them takes more than half.
  const most = dragged_px === undefined ? `50%, 100% - ${OTHER_PX}px` : `100% - ${OTHER_PX}px`
  const own = `min(${width_px}px, ${most})`
  const both = kept === 'start' ? `${own} 1px minmax(0, 1fr)` : `minmax(0, 1fr) 1px ${own}`
  const whole = 'minmax(0, 1fr)'
  return (
    <div
      ref={box}
      className="grid h-full min-h-0"
      style={{
        gridTemplateColumns: alone || stacked ? whole : both,
        gridTemplateRows: stacked && !alone ? 'minmax(0, 2fr) 1px minmax(0, 3fr)' : whole,
      }}
    >
      <div className="min-h-0 min-w-0">{children[0]}</div>
      {alone ? null : stacked ? (
        <div className="bg-line-strong" />
      ) : (
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

/** Whether an element is narrower than this; looked at before it is painted. */
function useStacked(least_px: number) {
  const box = useRef<HTMLDivElement>(null)
  const [stacked, setStacked] = useState(false)
  useLayoutEffect(() => {
    const element = box.current
    if (element === null) return
    const look = () => setStacked(element.clientWidth < least_px)
    look()
    const resized = new ResizeObserver(look)
    resized.observe(element)
    return () => resized.disconnect()
  }, [least_px])
  return [box, stacked] as const
}
