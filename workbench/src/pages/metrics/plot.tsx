import 'uplot/dist/uPlot.min.css'
import uPlot from 'uplot'
import { useEffect, useRef } from 'react'
import { useThemeTurn } from '@/shell/theme-turn'

type Line = { label: string; values: (number | null)[]; colour: string; fill?: string }

type Props = {
  title: string
  at_ms: number[]
  lines: Line[]
  /** Text of a value, with its unit. */
  show: (value: number) => string
  /** A level that must not be passed, drawn as a dashed line. */
  limit?: number | undefined
  /** The scale ends no lower than here. */
  least: number
  height_px?: number
  /** What it means that no line has a value. */
  empty?: string
}

const AXIS_PX = 64
const X_AXIS_PX = 26

/** One plot over time; the cursors of all plots move together. Text beside it says the latest values. */
export function Plot({ title, at_ms, lines, show, limit, least, height_px = 160, empty }: Props) {
  const host = useRef<HTMLDivElement>(null)
  const plot = useRef<uPlot>(undefined)
  const theme = useThemeTurn()
  const shape = lines.map(line => `${line.label} ${line.colour}`).join()
  const data = (): uPlot.AlignedData => [at_ms.map(at => at / 1_000), ...lines.map(line => line.values)]
  const latest = useRef({ data, show, limit, least })
  useEffect(() => {
    latest.current = { data, show, limit, least }
  })
  useEffect(() => {
    const element = host.current
    if (element === null) return
    const style = getComputedStyle(element)
    const colour = (name: string) => paint(style, name)
    const axis = {
      stroke: colour('--faint'),
      font: '11px "Geist Variable", sans-serif',
      grid: { stroke: colour('--line'), width: 1 },
      ticks: { show: false },
    }
    const chart = new uPlot(
      {
        width: element.clientWidth,
        height: height_px,
        legend: { show: false },
        cursor: { sync: { key: 'metrics' }, points: { size: 6 }, drag: { x: false, y: false } },
        padding: [8, 18, 0, 0],
        scales: {
          y: {
            range: (_, __, highest) => [
              0,
              Math.max((highest || 0) * 1.15, latest.current.limit ?? 0, latest.current.least),
            ],
          },
        },
        axes: [
          { ...axis, space: 90, size: X_AXIS_PX, values: (_, ticks) => ticks.map(clockText) },
          { ...axis, size: AXIS_PX, values: (_, ticks) => ticks.map(tick => latest.current.show(tick)) },
        ],
        series: [
          {},
          ...lines.map(line => ({
            label: line.label,
            stroke: colour(line.colour),
            ...(line.fill ? { fill: colour(line.fill) } : {}),
            width: 1.5,
            spanGaps: false,
            points: {
              size: 5,
              filter: (chart: uPlot, at: number, all: boolean) => (all ? null : lonely(chart.data[at] ?? [])),
            },
          })),
        ],
        hooks: { draw: [chart => drawLimit(chart, latest.current.limit, colour('--bad'))] },
      },
      latest.current.data(),
      element,
    )
    plot.current = chart
    const resized = new ResizeObserver(() => chart.setSize({ width: element.clientWidth, height: height_px }))
    resized.observe(element)
    return () => {
      resized.disconnect()
      chart.destroy()
    }
  }, [shape, height_px, theme])
  useEffect(() => plot.current?.setData(data()))
  const none = lines.every(line => line.values.every(value => value === null))
  const last = (values: (number | null)[]) => values.findLast(value => value !== null)
  return (
    <figure aria-label={title} className="min-w-0 rounded-lg border border-line p-3">
      <figcaption className="mb-1 flex flex-wrap items-center gap-x-4 gap-y-1">
        <span className="flex-1 text-xs font-semibold">{title}</span>
        {lines.map(line => {
          const value = last(line.values)
          return (
            <span key={line.label} className="num flex items-center gap-1.5 text-2xs text-muted">
              <span className="h-0.5 w-3 rounded" style={{ background: `var(${line.colour})` }} aria-hidden />
              {line.label} {value === undefined || value === null ? '–' : show(value)}
            </span>
          )
        })}
      </figcaption>
      <div className="relative">
        <div ref={host} />
        {empty && none && (
          <p className="absolute inset-0 flex items-center justify-center pb-6 pl-16 text-xs text-muted">
            <span className="bg-panel px-2 py-1">{empty}</span>
          </p>
        )}
      </div>
    </figure>
  )
}

/** Points without a neighbour: no line shows them. */
function lonely(values: ArrayLike<number | null | undefined>): number[] {
  const none = (at: number) => values[at] === null || values[at] === undefined
  return Array.from(values, (_, at) => at).filter(at => !none(at) && none(at - 1) && none(at + 1))
}

/** Canvas cannot paint `light-dark()`: the browser resolves it on an element first. */
function paint(style: CSSStyleDeclaration, name: string): string {
  const probe = document.createElement('span')
  probe.style.color = style.getPropertyValue(name) || `var(${name})`
  document.body.append(probe)
  const { color } = getComputedStyle(probe)
  probe.remove()
  return color
}

const clockText = (seconds: number): string => {
  const at = new Date(seconds * 1_000)
  const pad = (value: number) => String(value).padStart(2, '0')
  return `${pad(at.getHours())}:${pad(at.getMinutes())}`
}

function drawLimit(chart: uPlot, limit: number | undefined, colour: string): void {
  if (limit === undefined) return
  const { ctx, bbox } = chart
  const y = chart.valToPos(limit, 'y', true)
  ctx.save()
  ctx.strokeStyle = colour
  ctx.setLineDash([4, 4])
  ctx.beginPath()
  ctx.moveTo(bbox.left, y)
  ctx.lineTo(bbox.left + bbox.width, y)
  ctx.stroke()
  ctx.restore()
}
