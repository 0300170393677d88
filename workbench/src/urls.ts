/** Every address of the Workbench: `api` is what it asks the server, `to` the places of the page itself. */

type Params = Record<string, string | number | boolean | null | undefined>

/** `?a=1&b=2` of the parameters that have a value; nothing when none has. */
export function query(params: Params): string {
  const pairs = Object.entries(params).filter(([, value]) => value !== undefined && value !== null)
  return pairs.length === 0
    ? ''
    : `?${new URLSearchParams(pairs.map(([key, value]) => [key, String(value)]))}`
}

const e = encodeURIComponent

export const api = {
  session: '/__motia/session',
  project: '/__motia/project',
  steps: '/__motia/steps',
  step: (name: string) => `/__motia/steps/${e(name)}`,
  source: (name: string) => `/__motia/steps/${e(name)}/source`,
  trigger: (name: string) => `/__motia/steps/${e(name)}/trigger`,
  call: (name: string) => `/__motia/steps/${e(name)}/call`,
  flows: '/__motia/flows',
  flow: (name: string) => `/__motia/flows/${e(name)}`,
  layout: (name: string) => `/__motia/flows/${e(name)}/layout`,
  endpoints: '/__motia/endpoints',
  topics: '/__motia/topics',
  emit: (topic: string) => `/__motia/topics/${e(topic)}/messages`,
  cron: '/__motia/cron',
  cronRun: (step: string) => `/__motia/cron/${e(step)}/run`,
  queues: '/__motia/queues',
  pause: '/__motia/queues/pause',
  resume: '/__motia/queues/resume',
  bulks: '/__motia/bulks',
  bulkCancel: (id: string) => `/__motia/bulks/${e(id)}/cancel`,
  scheduled: (params: Params) => `/__motia/scheduled${query(params)}`,
  deadLetters: (params: Params) => `/__motia/dead-letters${query(params)}`,
  deadGroups: (params: Params) => `/__motia/dead-letters/groups${query(params)}`,
  redrive: '/__motia/dead-letters/redrive',
  purge: '/__motia/dead-letters/purge',
  redriveOne: (id: string) => `/__motia/dead-letters/${e(id)}/redrive`,
  scopes: (params: Params) => `/__motia/states${query(params)}`,
  states: (scope: string, params: Params) => `/__motia/states/${e(scope)}${query(params)}`,
  state: (scope: string, key: string) => `/__motia/states/${e(scope)}/${e(key)}`,
  statesDelete: '/__motia/states/delete',
  streams: '/__motia/streams',
  streamGroups: (name: string, params: Params) => `/__motia/streams/${e(name)}/groups${query(params)}`,
  streamItems: (name: string, group: string, params: Params) =>
    `/__motia/streams/${e(name)}/groups/${e(group)}${query(params)}`,
  streamItem: (name: string, group: string, id: string) =>
    `/__motia/streams/${e(name)}/groups/${e(group)}/${e(id)}`,
  traces: (params: Params) => `/__motia/traces${query(params)}`,
  trace: (id: string) => `/__motia/traces/${e(id)}`,
  span: (trace: string, span: string) => `/__motia/traces/${e(trace)}/spans/${e(span)}`,
  rerun: (trace: string, span: string) => `/__motia/traces/${e(trace)}/spans/${e(span)}/rerun`,
  logs: (params: Params) => `/__motia/logs${query(params)}`,
  runs: (params: Params) => `/__motia/runs${query(params)}`,
  run: (id: string, step: string) => `/__motia/runs/${e(id)}${query({ step })}`,
  runCancel: (id: string, step: string) => `/__motia/runs/${e(id)}/cancel${query({ step })}`,
  runRetry: (id: string, step: string) => `/__motia/runs/${e(id)}/retry${query({ step })}`,
  runSignal: (id: string) => `/__motia/runs/${e(id)}/signal`,
  errors: (params: Params) => `/__motia/errors${query(params)}`,
  metrics: (params: Params) => `/__motia/metrics${query(params)}`,
  live: (params: Params) => `/__motia/live${query(params)}`,
}

/** Browser navigations on this port are the console's, whatever routes the project has. */
const page = (path: string) => `/${path}`

export const to = {
  home: '/',
  flow: (name?: string, node?: string, tab?: string) =>
    page(`flow${name ? `/${e(name)}` : ''}${query({ node, tab })}`),
  endpoints: (id?: string) => page(`endpoints${query({ id })}`),
  queues: (params: Params = {}) => page(`queues${query(params)}`),
  cron: (step?: string) => page(`cron${query({ step })}`),
  traces: (params: Params = {}) => page(`traces${query(params)}`),
  trace: (id: string, span?: string) => page(`traces/${e(id)}${query({ span })}`),
  logs: (params: Params = {}) => page(`logs${query(params)}`),
  runs: (params: Params = {}) => page(`runs${query(params)}`),
  run: (id: string, step: string, params: Params = {}) =>
    page(`runs/${e(id)}${query({ ...params, of: step })}`),
  errors: (cause?: string) => page(`errors${query({ cause })}`),
  metrics: (params: Params = {}) => page(`metrics${query(params)}`),
  states: (scope?: string, key?: string) => page(`states${query({ scope, key })}`),
  streams: (name?: string, group?: string, item?: string) => page(`streams${query({ name, group, item })}`),
  plugin: (name: string) => page(`plugins/${e(name)}`),
}
