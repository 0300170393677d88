import { describe, expect, it } from 'vitest'
import { bytes, duration, percent, relative, short } from '@/format'

describe('numbers and times', () => {
  it('gives durations three digits and the unit that fits', () => {
    const shown = [-1, 0, 420, 1_240, 12_400, 999_400, 1_254_000, 12_340_000, 200_000_000, 7_500_000_000].map(
      duration,
    )
    expect(shown).toEqual([
      '–',
      '0 ms',
      '420 µs',
      '1.2 ms',
      '12 ms',
      '999 ms',
      '1.25 s',
      '12.3 s',
      '3 min 20 s',
      '2 h 5 min',
    ])
  })

  it('says how long ago, and how long until', () => {
    const now = 1_000_000_000
    expect(relative(now - 900, now)).toBe('now')
    expect(relative(now - 12_000, now)).toBe('12 s ago')
    expect(relative(now + 185_000, now)).toBe('in 3 min')
    expect(relative(now - 3 * 86_400_000, now)).toBe('3 d ago')
    expect(relative(now - 119_000, now)).toBe('1 min ago')
    expect(relative(now + 30 * 86_400_000 - 60_000, now)).toBe('in 30 d')
    expect(relative(now + 3_590_000, now)).toBe('in 1 h')
  })

  it('shortens counts, sizes and shares', () => {
    expect([7, 1_240, 34_500, 5_600_000].map(short)).toEqual(['7', '1.2k', '35k', '5.6M'])
    expect([12, 2_048, 3_145_728].map(bytes)).toEqual(['12 B', '2 KiB', '3 MiB'])
    expect([0, 0.0004, 0.015, 0.5].map(percent)).toEqual(['0 %', '< 0.1 %', '1.5 %', '50 %'])
  })
})
