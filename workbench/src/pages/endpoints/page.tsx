import { useQuery } from '@tanstack/react-query'
import { useMemo } from 'react'
import { Link } from 'wouter'
import * as read from '@/api/queries'
import type { Endpoint } from '@/api/types'
import { plural } from '@/format'
import { TryEndpoint } from '@/pages/endpoints/try'
import { usePlace } from '@/place'
import { useKeys } from '@/shell/keys'
import { Page } from '@/shell/page'
import { Empty, Loading } from '@/ui/empty'
import { SearchInput } from '@/ui/field'
import { Method, RoutePath } from '@/ui/kind'
import { ProblemPage } from '@/ui/problem'
import { Split } from '@/ui/split'
import { query, to } from '@/urls'

const NO_FLOW = 'no flow'

export default function EndpointsPage() {
  const [place, change] = usePlace()
  const endpoints = useQuery(read.endpoints)
  const shown = useMemo(() => matching(endpoints.data ?? [], place.text ?? ''), [endpoints.data, place.text])
  const chosen = endpoints.data?.find(endpoint => endpoint.id === place.id) ?? shown[0]
  const move = (way: number) => {
    const at = shown.findIndex(endpoint => endpoint === chosen) + way
    const next = shown[Math.min(shown.length - 1, Math.max(0, at))]
    if (next) change({ id: next.id }, { replace: true })
  }
  useKeys({ j: () => move(1), k: () => move(-1) })
  return (
    <Page
      title="Endpoints"
      lead={
        <SearchInput
          label="Method, path or step"
          value={place.text ?? ''}
          onChange={text => change({ text: text || undefined }, { replace: true })}
          className="w-56"
        />
      }
      tools={endpoints.data && <span className="text-xs text-muted">{plural(shown.length, 'route')}</span>}
    >
      {endpoints.error ? (
        <ProblemPage error={endpoints.error} retry={() => void endpoints.refetch()} />
      ) : endpoints.data === undefined ? (
        <Loading />
      ) : chosen === undefined ? (
        endpoints.data.length === 0 ? (
          <Empty title="No endpoints yet" command="motia generate step">
            A step with an http trigger answers requests; its form appears here.
          </Empty>
        ) : (
          <Empty title="No endpoint matches" />
        )
      ) : (
        <Split
          name="endpoints"
          label="Width of the list"
          kept="start"
          initial_px={300}
          min_px={200}
          max_px={560}
        >
          <List endpoints={shown} chosen={chosen} text={place.text} />
          <TryEndpoint
            key={chosen.id}
            endpoint={chosen}
            tab={place.tab ?? 'request'}
            onTab={tab => change({ tab: tab === 'request' ? undefined : tab }, { replace: true })}
          />
        </Split>
      )}
    </Page>
  )
}

function matching(endpoints: Endpoint[], text: string): Endpoint[] {
  const words = text.toLowerCase().split(/\s+/)
  return endpoints.filter(({ method, path, step }) => {
    const all = `${method} ${path} ${step}`.toLowerCase()
    return words.every(word => all.includes(word))
  })
}

type ListProps = { endpoints: Endpoint[]; chosen: Endpoint; text: string | undefined }

function List({ endpoints, chosen, text }: ListProps) {
  const named = endpoints.flatMap(endpoint => endpoint.flows[0] ?? [])
  const flows = [...new Set(named)].sort()
  if (named.length < endpoints.length) flows.push(NO_FLOW)
  return (
    <div className="h-full overflow-auto p-2">
      {flows.map(flow => (
        <section key={flow} aria-label={flow} className="mb-3">
          <h2 className="label px-2 py-1">{flow}</h2>
          <ul>
            {endpoints
              .filter(endpoint => (endpoint.flows[0] ?? NO_FLOW) === flow)
              .map(endpoint => (
                <li key={endpoint.id}>
                  <Link
                    href={to.endpoints(endpoint.id) + query({ text }).replace('?', '&')}
                    title={endpoint.description || endpoint.step}
                    aria-current={endpoint === chosen ? 'true' : undefined}
                    className={`flex h-7 items-center gap-2 rounded-md px-2 ${endpoint === chosen ? 'bg-pressed' : 'hover:bg-hover'}`}
                  >
                    <Method method={endpoint.method} className="w-11 shrink-0" />
                    <RoutePath path={endpoint.path} className="truncate" />
                  </Link>
                </li>
              ))}
          </ul>
        </section>
      ))}
    </div>
  )
}
