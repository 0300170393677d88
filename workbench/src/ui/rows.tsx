import { useEffect, type ReactNode } from 'react'
import { Link } from 'wouter'
import { useKeys } from '@/shell/keys'
import { between, useWindowed } from '@/ui/windowed'

type Props<T> = {
  items: readonly T[]
  keyOf: (item: T) => string | number
  row_px: number
  label: string
  children: (item: T, index: number) => ReactNode
  /** Index that `j` and `k` move from; also scrolled into view when it changes. */
  selected?: number
  onMove?: ((index: number) => void) | undefined
  /** Called when the last rows come into sight. */
  onEnd?: (() => void) | undefined
  onScroll?: (at_top: boolean) => void
  className?: string
}

const NEAR_END = 20

/** A list of rows of one height, of which only those in sight exist. */
export function Rows<T>(props: Props<T>) {
  const {
    items,
    keyOf,
    row_px,
    label,
    children,
    selected = -1,
    onMove,
    onEnd,
    onScroll,
    className = '',
  } = props
  const { box, first, last, reveal, height_px } = useWindowed(items.length, row_px)
  useEffect(() => {
    if (items.length > 0 && last >= items.length - NEAR_END) onEnd?.()
  }, [last, items.length, onEnd])
  useEffect(() => {
    reveal(selected)
  }, [selected, reveal])
  const move = (way: number) => {
    if (onMove && items.length > 0) onMove(Math.min(items.length - 1, Math.max(0, selected + way)))
  }
  useKeys({ j: () => move(1), k: () => move(-1) }, onMove !== undefined)
  return (
    <div
      ref={box}
      tabIndex={0}
      role="group"
      aria-label={label}
      onScroll={event => onScroll?.(event.currentTarget.scrollTop < row_px)}
      className={`@container h-full overflow-auto [contain:strict] ${className}`}
    >
      <div role="list" className="relative w-full" style={{ height: height_px }}>
        {between(first, last).map(index => {
          const item = items[index] as T
          return (
            <div
              key={keyOf(item)}
              role="listitem"
              aria-setsize={items.length}
              aria-posinset={index + 1}
              className="absolute inset-x-0 top-0"
              style={{ height: row_px, transform: `translateY(${index * row_px}px)` }}
            >
              {children(item, index)}
            </div>
          )
        })}
      </div>
    </div>
  )
}

/** Rows under a line that says how many there are. */
export function Listed({ head, children }: { head: string; children: ReactNode }) {
  return (
    <div className="flex h-full flex-col">
      <p className="label h-7 shrink-0 border-b border-line px-4 leading-7">{head}</p>
      <div className="min-h-0 flex-1">{children}</div>
    </div>
  )
}

type RowLinkProps = { href: string; chosen: boolean; className?: string; children: ReactNode }

/** A row that leads to a place; the one that is shown there is marked. */
export function RowLink({ href, chosen, className = 'gap-2', children }: RowLinkProps) {
  return (
    <Link
      href={href}
      aria-current={chosen ? 'true' : undefined}
      className={`flex h-full items-center px-4 font-mono text-xs ${chosen ? 'bg-pressed' : 'hover:bg-hover'} ${className}`}
    >
      {children}
    </Link>
  )
}
