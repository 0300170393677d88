import { useQuery, useQueryClient } from '@tanstack/react-query'
import { createContext, useContext, useEffect, useState, type ReactNode } from 'react'
import { ApiError, request, signIn } from '@/api/client'
import type { Session } from '@/api/types'
import { SignIn } from '@/shell/sign-in'
import { Loading } from '@/ui/empty'
import { ProblemPage } from '@/ui/problem'
import { api } from '@/urls'

const SessionContext = createContext<Session>({ authenticated: false })

/** True where the console may look and not touch. */
export const useReadOnly = (): boolean => useContext(SessionContext).read_only ?? false

/** The token of the printed address, taken out of the address bar. */
function takeToken(): string | null {
  const token = new URLSearchParams(location.hash.slice(1)).get('token')
  if (token !== null) history.replaceState(null, '', location.pathname + location.search)
  return token
}

/** Shows the console to those who are signed in. */
export function SessionGate({ children }: { children: ReactNode }) {
  const client = useQueryClient()
  const [token] = useState(takeToken)
  const [refused, setRefused] = useState<Error | null>(null)
  const session = useQuery({
    queryKey: ['session'],
    queryFn: async ({ signal }) => {
      if (token !== null && client.getQueryData(['session']) === undefined) {
        await signIn(token).catch((error: unknown) => {
          if (!(error instanceof ApiError) || error.status === 0) throw error
          setRefused(error)
        })
      }
      return request<Session>(api.session, { signal })
    },
  })
  useEffect(
    () =>
      client.getQueryCache().subscribe(({ query }) => {
        const { error } = query.state
        const asked = query.queryKey[0] === 'session'
        if (!asked && error instanceof ApiError && error.status === 401) {
          void client.invalidateQueries({ queryKey: ['session'] })
        }
      }),
    [client],
  )
  if (session.data?.authenticated) return <SessionContext value={session.data}>{children}</SessionContext>
  if (session.data !== undefined)
    return <SignIn error={refused} onDone={() => void client.invalidateQueries()} />
  if (session.error) return <ProblemPage error={session.error} retry={() => void session.refetch()} />
  return <Loading />
}
