/** Numbers and times as people read them. Pure; the locale is the browser's only where dates are spelt. */

const NUMBER = new Intl.NumberFormat('en-US')

export const count = (value: number): string => NUMBER.format(value)

/** `1.2k`, `34k`, `5.6M`: for badges. */
export function short(value: number): string {
  if (value < 1_000) return String(value)
  const [scaled, unit] = value < 1_000_000 ? [value / 1_000, 'k'] : [value / 1_000_000, 'M']
  return `${scaled < 10 ? trim(scaled.toFixed(1)) : Math.round(scaled)}${unit}`
}

/** Three digits at most: `0.4 ms`, `12 ms`, `1.25 s`, `3 min 20 s`, `2 h 5 min`. */
export function duration(us: number): string {
  if (us < 0) return '–'
  if (us < 1_000) return us < 1 ? '0 ms' : `${Math.round(us)} µs`
  const ms = us / 1_000
  if (ms < 10) return `${trim(ms.toFixed(1))} ms`
  if (ms < 1_000) return `${Math.round(ms)} ms`
  const seconds = ms / 1_000
  if (seconds < 10) return `${trim(seconds.toFixed(2))} s`
  if (seconds < 60) return `${trim(seconds.toFixed(1))} s`
  return span(seconds)
}

function span(seconds: number): string {
  const whole = Math.round(seconds)
  if (whole < 3_600) return joined(Math.floor(whole / 60), 'min', whole % 60, 's')
  if (whole < 86_400) return joined(Math.floor(whole / 3_600), 'h', Math.floor((whole % 3_600) / 60), 'min')
  return joined(Math.floor(whole / 86_400), 'd', Math.floor((whole % 86_400) / 3_600), 'h')
}

function joined(large: number, unit: string, small: number, sub: string): string {
  return small === 0 ? `${large} ${unit}` : `${large} ${unit} ${small} ${sub}`
}

const trim = (text: string): string => (text.includes('.') ? text.replace(/\.?0+$/, '') : text)

/** `now`, `12 s ago`, `in 3 min`: what is past is not made older, what is to come is the nearest. */
export function relative(at_ms: number, now_ms: number): string {
  const seconds = Math.round((at_ms - now_ms) / 1_000)
  const size = Math.abs(seconds)
  if (size < 2) return 'now'
  const whole = seconds < 0 ? Math.floor : Math.round
  const text =
    size < 60
      ? `${size} s`
      : size < 3_570
        ? `${whole(size / 60)} min`
        : size < 84_600
          ? `${whole(size / 3_600) || 1} h`
          : `${whole(size / 86_400) || 1} d`
  return seconds < 0 ? `${text} ago` : `in ${text}`
}

const pad = (value: number, digits = 2): string => String(value).padStart(digits, '0')

/** `14:03:09.120` in the browser's zone. */
export function clock(at_ms: number): string {
  const at = new Date(at_ms)
  return `${pad(at.getHours())}:${pad(at.getMinutes())}:${pad(at.getSeconds())}.${pad(at.getMilliseconds(), 3)}`
}

/** `2026-11-21 14:03:09.120`. */
export function stamp(at_ms: number): string {
  const at = new Date(at_ms)
  return `${at.getFullYear()}-${pad(at.getMonth() + 1)}-${pad(at.getDate())} ${clock(at_ms)}`
}

export function bytes(size: number): string {
  if (size < 1_024) return `${size} B`
  if (size < 1_048_576) return `${trim((size / 1_024).toFixed(1))} KiB`
  return `${trim((size / 1_048_576).toFixed(1))} MiB`
}

export function percent(share: number): string {
  if (share === 0) return '0 %'
  return share < 0.001 ? '< 0.1 %' : `${trim((share * 100).toFixed(share < 0.1 ? 1 : 0))} %`
}

export const plural = (size: number, one: string, many = `${one}s`): string =>
  `${count(size)} ${size === 1 ? one : many}`
