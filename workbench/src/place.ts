/** The URL is the state of a page: filters and selections live in its query. */

import { useCallback, useMemo } from 'react'
import { useLocation, useSearch } from 'wouter'
import { query } from '@/urls'

export type Place = Readonly<Record<string, string | undefined>>
type Change = Record<string, string | undefined>

/** What the query says now, and how to change it. `replace` leaves no entry in the history. */
export function usePlace(): [Place, (change: Change, options?: { replace?: boolean }) => void] {
  const [path, navigate] = useLocation()
  const search = useSearch()
  const place = useMemo<Place>(() => Object.fromEntries(new URLSearchParams(search)), [search])
  const change = useCallback(
    (fields: Change, options?: { replace?: boolean }) =>
      navigate(
        path + query({ ...Object.fromEntries(new URLSearchParams(window.location.search)), ...fields }),
        {
          replace: options?.replace ?? false,
        },
      ),
    [navigate, path],
  )
  return [place, change]
}
