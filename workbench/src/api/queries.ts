/** What pages read. The first word of a key is the live topic that makes it stale. */

import {
  queryOptions,
  useMutation,
  useQueryClient,
  type InfiniteData,
  type QueryKey,
  type UseInfiniteQueryOptions,
  type UseMutationResult,
} from '@tanstack/react-query'
import { request } from '@/api/client'
import { api } from '@/urls'
import type * as t from '@/api/types'

type Params = Record<string, string | number | undefined>

const read =
  <T>(url: string) =>
  ({ signal }: { signal: AbortSignal }): Promise<T> =>
    request<T>(url, { signal })

const items =
  <T>(url: string) =>
  async ({ signal }: { signal: AbortSignal }): Promise<T[]> =>
    (await request<t.List<T>>(url, { signal })).items

export type Pages<T> = InfiniteData<t.List<T>, string | undefined>
export type PagesOptions<T> = UseInfiniteQueryOptions<
  t.List<T>,
  Error,
  Pages<T>,
  QueryKey,
  string | undefined
>

function pages<T>(key: unknown[], url: (params: Params) => string, params: Params): PagesOptions<T> {
  return {
    queryKey: [...key, params],
    queryFn: ({ pageParam, signal }) => request<t.List<T>>(url({ ...params, cursor: pageParam }), { signal }),
    initialPageParam: undefined,
    getNextPageParam: last => last.next ?? undefined,
  }
}

export const project = queryOptions({ queryKey: ['project'], queryFn: read<t.Project>(api.project) })
export const steps = queryOptions({ queryKey: ['project', 'steps'], queryFn: items<t.Step>(api.steps) })
export const step = (name: string) =>
  queryOptions({ queryKey: ['project', 'step', name], queryFn: read<t.StepDetail>(api.step(name)) })
export const source = (name: string) =>
  queryOptions({ queryKey: ['project', 'source', name], queryFn: read<t.SourceText>(api.source(name)) })
export const flows = queryOptions({
  queryKey: ['project', 'flows'],
  queryFn: items<t.FlowSummary>(api.flows),
})
export const flow = (name: string) =>
  queryOptions({ queryKey: ['project', 'flow', name], queryFn: read<t.Flow>(api.flow(name)) })
export const endpoints = queryOptions({
  queryKey: ['project', 'endpoints'],
  queryFn: items<t.Endpoint>(api.endpoints),
})
export const topics = queryOptions({ queryKey: ['project', 'topics'], queryFn: items<t.Topic>(api.topics) })
export const crons = queryOptions({ queryKey: ['project', 'cron'], queryFn: items<t.Cron>(api.cron) })

export const queues = queryOptions({ queryKey: ['queues'], queryFn: items<t.Queue>(api.queues) })
export const scheduled = (params: Params) =>
  queryOptions({
    queryKey: ['queues', 'scheduled', params],
    queryFn: items<t.Scheduled>(api.scheduled(params)),
  })
export const deadLetters = (params: Params) =>
  pages<t.DeadLetter>(['queues', 'dead'], api.deadLetters, params)
export const deadGroups = (params: Params) =>
  queryOptions({
    queryKey: ['queues', 'groups', params],
    queryFn: items<t.DeadGroup>(api.deadGroups(params)),
  })

/** What a redrive would do. Asked anew each time: the letters may have changed. */
export const forecast = (selection: t.Selection) =>
  queryOptions({
    queryKey: ['queues', 'forecast', selection],
    queryFn: ({ signal }) =>
      request<t.Forecast>(api.redrive, { method: 'POST', body: { ...selection, dry_run: true }, signal }),
    gcTime: 0,
  })
export const bulks = queryOptions({ queryKey: ['queues', 'bulks'], queryFn: items<t.Bulk>(api.bulks) })

export const scopes = (params: Params) => pages<t.StateScope>(['states', 'scopes'], api.scopes, params)
export const states = (scope: string, params: Params) =>
  pages<t.StateItem>(['states', 'keys', scope], given => api.states(scope, given), params)
export const state = (scope: string, key: string) =>
  queryOptions({
    queryKey: ['states', 'item', scope, key],
    queryFn: read<t.StateItem>(api.state(scope, key)),
  })

export const streams = queryOptions({
  queryKey: ['project', 'streams'],
  queryFn: items<t.StreamInfo>(api.streams),
})
export const streamGroups = (name: string) =>
  pages<t.StreamGroup>(['streams', 'groups', name], given => api.streamGroups(name, given), {})
export const streamItems = (name: string, group: string) =>
  pages<t.StreamItem>(['streams', 'items', name, group], given => api.streamItems(name, group, given), {})

/** `last_ms` means from so long ago on, whenever it is asked. */
export const traces = (params: Params) =>
  pages<t.Trace>(
    ['traces', 'list'],
    ({ last_ms, ...rest }) =>
      api.traces({ ...rest, since_ms: last_ms === undefined ? undefined : Date.now() - Number(last_ms) }),
    params,
  )
export const trace = (id: string) =>
  queryOptions({ queryKey: ['traces', 'one', id], queryFn: read<t.TraceDetail>(api.trace(id)) })
export const spanDetail = (trace_id: string, span_id: string) =>
  queryOptions({
    queryKey: ['traces', 'span', trace_id, span_id],
    queryFn: read<t.SpanDetail>(api.span(trace_id, span_id)),
  })
export const logs = (params: Params) => pages<t.LogLine>(['logs'], api.logs, params)
export const runs = (params: Params) => pages<t.Run>(['runs', 'list'], api.runs, params)
export const run = (id: string, step: string) =>
  queryOptions({ queryKey: ['runs', 'one', id, step], queryFn: read<t.RunDetail>(api.run(id, step)) })
export const errors = (params: Params) =>
  queryOptions({ queryKey: ['traces', 'errors', params], queryFn: items<t.ErrorGroup>(api.errors(params)) })
export const metrics = (params: () => Params, key: unknown[]) =>
  queryOptions({
    queryKey: ['traces', 'metrics', ...key],
    queryFn: ({ signal }) => request<t.Metrics>(api.metrics(params()), { signal }),
  })

type Send = { url: string; method?: 'POST' | 'PUT' | 'DELETE'; body?: unknown }

/** Change something, then load what the change makes stale. */
export function useSend<T>(...stale: string[]): UseMutationResult<T, Error, Send> {
  const client = useQueryClient()
  return useMutation({
    mutationFn: ({ url, method = 'POST', body }: Send) => request<T>(url, { method, body }),
    // Not waited for: a list that is loaded again may take away the part that wants to say how it went.
    onSettled: () => {
      for (const topic of stale) void client.invalidateQueries({ queryKey: [topic] })
    },
  })
}
