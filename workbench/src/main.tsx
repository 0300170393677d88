import '@/styles.css'
import { QueryClient, QueryClientProvider } from '@tanstack/react-query'
import { StrictMode, useEffect, useState, type ReactNode } from 'react'
import { createRoot } from 'react-dom/client'
import { ApiError } from '@/api/client'
import { LiveChannel } from '@/api/live'
import { LiveProvider } from '@/api/live-hooks'
import { App } from '@/shell/app'
import { PAGES } from '@/shell/pages'
import { SessionGate } from '@/shell/session'
import { ToastProvider } from '@/ui/toast'

const RETRIES = 2

const client = new QueryClient({
  defaultOptions: {
    queries: {
      // The live channel says when something is stale.
      staleTime: Infinity,
      refetchOnWindowFocus: false,
      retry: (failures, error) => failures < RETRIES && error instanceof ApiError && error.status === 0,
    },
  },
})

function Live({ children }: { children: ReactNode }) {
  const [channel] = useState(() => new LiveChannel())
  useEffect(() => channel.start(), [channel])
  return <LiveProvider value={channel}>{children}</LiveProvider>
}

// Beside the session, which is asked for first.
void PAGES.find(({ href }) => location.pathname.startsWith(href))?.body.load()

const root = document.getElementById('root')
if (root === null) throw new Error('index.html: expected an element with the id "root"')
createRoot(root).render(
  <StrictMode>
    <QueryClientProvider client={client}>
      <ToastProvider>
        <SessionGate>
          <Live>
            <App />
          </Live>
        </SessionGate>
      </ToastProvider>
    </QueryClientProvider>
  </StrictMode>,
)
