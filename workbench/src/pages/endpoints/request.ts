/** A request as the page keeps it while it is written. Pure. */

import type { Endpoint } from '@/api/types'
import { textOf } from '@/forms/payload'
import { query } from '@/urls'

export type Draft = {
  params: Record<string, string>
  query: [string, string][]
  headers: [string, string][]
  body: string
}

const BODILESS = new Set(['GET', 'HEAD', 'OPTIONS'])

export const takesBody = (endpoint: Endpoint): boolean => !BODILESS.has(endpoint.method)

export const draftOf = (endpoint: Endpoint): Draft => ({
  params: Object.fromEntries(endpoint.path_params.map(name => [name, ''])),
  query: endpoint.query.map(({ name }) => [name, '']),
  headers: takesBody(endpoint) ? [['content-type', 'application/json']] : [],
  body: takesBody(endpoint) && endpoint.body_schema !== null ? textOf(endpoint.example ?? {}) : '',
})

const PARAM = /:(\w+)\??|\{(\w+)(?::\w+)?\}|\*(\w*)/g

/** Path parameters that have no value yet. */
export const missing = (endpoint: Endpoint, draft: Draft): string[] =>
  endpoint.path_params.filter(name => !draft.params[name]?.trim())

/** The address of the request, path parameters and query filled in. */
export function addressOf(endpoint: Endpoint, draft: Draft): string {
  const path = endpoint.path.replace(PARAM, (_, colon?: string, brace?: string, star?: string) =>
    star === undefined
      ? encodeURIComponent(draft.params[colon ?? brace ?? ''] ?? '')
      : (draft.params[star] ?? '').split('/').map(encodeURIComponent).join('/'),
  )
  return path + query(Object.fromEntries(draft.query.filter(([name]) => name !== '')))
}

export const headersOf = (draft: Draft): [string, string][] =>
  draft.headers.filter(([name]) => name.trim() !== '')

const quoted = (text: string): string => `'${text.replaceAll("'", `'\\''`)}'`

/** The same request for a shell. */
export function curlOf(endpoint: Endpoint, draft: Draft, base: string): string {
  const lines = [`curl -i -X ${endpoint.method} ${quoted(base + addressOf(endpoint, draft))}`]
  for (const [name, value] of headersOf(draft)) lines.push(`-H ${quoted(`${name}: ${value}`)}`)
  if (takesBody(endpoint) && draft.body !== '') lines.push(`--data ${quoted(draft.body)}`)
  return lines.join(' \\\n  ')
}
