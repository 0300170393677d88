import { useCallback, useLayoutEffect, useRef, useState } from 'react'

/** Rows beyond the edges that exist already when they come into sight. */
const BEYOND = 16

/** First and last row that exist, for a place of the scroll bar; moves by blocks, not by every row. Pure. */
export function rowsAt(scrolled_px: number, height_px: number, row_px: number, count: number) {
  const block = BEYOND / 2
  const top = Math.floor(scrolled_px / row_px / block) * block
  const first = Math.max(0, top - BEYOND)
  const last = Math.min(count - 1, top + Math.ceil(height_px / row_px) + block + BEYOND)
  return [Math.min(first, Math.max(0, last)), last] as const
}

/**
 * Which rows of one height stand in sight of a box that scrolls. Its cost does not grow with their number, and
 * it draws again only when other rows have to exist.
 */
export function useWindowed(count: number, row_px: number) {
  const box = useRef<HTMLDivElement>(null)
  const [view, setView] = useState({ scrolled_px: 0, height_px: 0 })
  const [first, last] = rowsAt(view.scrolled_px, view.height_px, row_px, count)
  const look = useCallback(() => {
    const element = box.current
    if (element === null) return
    const now = { scrolled_px: element.scrollTop, height_px: element.clientHeight }
    setView(before => {
      const [one, other] = [before, now].map(at => rowsAt(at.scrolled_px, at.height_px, row_px, Infinity))
      return one?.join() === other?.join() ? before : now
    })
  }, [row_px])
  useLayoutEffect(() => {
    const element = box.current
    if (element === null) return
    look()
    const resized = new ResizeObserver(look)
    resized.observe(element)
    element.addEventListener('scroll', look, { passive: true })
    return () => {
      resized.disconnect()
      element.removeEventListener('scroll', look)
    }
  }, [look])
  /** Bring a row into sight, if it is not. */
  const reveal = useCallback(
    (index: number) => {
      const element = box.current
      if (element === null || index < 0) return
      const top = index * row_px
      if (top < element.scrollTop) element.scrollTop = top
      else if (top + row_px > element.scrollTop + element.clientHeight) {
        element.scrollTop = top + row_px - element.clientHeight
      }
    },
    [row_px],
  )
  return { box, first, last, reveal, height_px: count * row_px }
}

/** The numbers from first to last. */
export const between = (first: number, last: number): number[] =>
  Array.from({ length: Math.max(0, last - first + 1) }, (_, at) => first + at)
