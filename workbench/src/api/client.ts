/** Every request of the page goes through `request`; every failure is an `ApiError` that can be shown. */

import { api } from '@/urls'
import type { Json } from '@/api/types'

export class ApiError extends Error {
  readonly status: number
  readonly code: string
  readonly hint: string | undefined

  constructor(
    message: string,
    { status, code, hint }: { status: number; code: string; hint?: string | undefined },
  ) {
    super(message)
    this.name = 'ApiError'
    this.status = status
    this.code = code
    this.hint = hint
  }
}

type Options = { method?: 'GET' | 'POST' | 'PUT' | 'DELETE'; body?: unknown; signal?: AbortSignal }

/** The decoded answer; `undefined` for 204. Throws `ApiError`, also when nobody answers. */
export async function request<T>(url: string, { method = 'GET', body, signal }: Options = {}): Promise<T> {
  const response = await reach(url, {
    method,
    ...(body === undefined
      ? {}
      : { body: JSON.stringify(body), headers: { 'content-type': 'application/json' } }),
    ...(signal === undefined ? {} : { signal }),
  })
  if (response.status === 204) return undefined as T
  const text = await response.text()
  if (response.ok) return JSON.parse(text) as T
  throw problem(response, text)
}

/** Trade the token of the printed address for a cookie. */
export async function signIn(token: string): Promise<void> {
  await request(api.session, { method: 'POST', body: { token } })
}

/** What a route of the project answered, as it came: the body is text or bytes, never interpreted. */
export type TryAnswer = {
  status: number
  status_text: string
  headers: [string, string][]
  body: string
  bytes: number
  duration_ms: number
  trace_id: string | null
}

const MAX_SHOWN_BYTES = 1_000_000

/** Send a request to a route of the project, through the console's own origin. */
export async function tryRoute(
  method: string,
  path: string,
  headers: [string, string][],
  body: string | undefined,
  signal: AbortSignal,
): Promise<TryAnswer> {
  const started = performance.now()
  const response = await reach(path, { method, headers, signal, ...(body === undefined ? {} : { body }) })
  const bytes = await response.arrayBuffer()
  const shown = new TextDecoder().decode(bytes.slice(0, MAX_SHOWN_BYTES))
  return {
    status: response.status,
    status_text: response.statusText,
    headers: [...response.headers],
    body: shown,
    bytes: bytes.byteLength,
    duration_ms: performance.now() - started,
    trace_id: response.headers.get('x-trace-id'),
  }
}

async function reach(url: string, init: RequestInit): Promise<Response> {
  try {
    return await fetch(url, { credentials: 'same-origin', ...init })
  } catch (error) {
    if (error instanceof DOMException && error.name === 'AbortError') throw error
    throw new ApiError('Nothing answers at this address.', {
      status: 0,
      code: 'network',
      hint: 'Is `motia dev` still running? The page connects again by itself.',
    })
  }
}

function problem(response: Response, text: string): ApiError {
  let fields: Record<string, Json> = {}
  try {
    const parsed: unknown = JSON.parse(text)
    if (typeof parsed === 'object' && parsed !== null) fields = parsed as Record<string, Json>
  } catch {
    // Not JSON: a proxy answered. The status tells what there is to tell.
  }
  const say = (key: string) => (typeof fields[key] === 'string' ? fields[key] : undefined)
  return new ApiError(say('detail') ?? say('title') ?? `The server answered ${response.status}.`, {
    status: response.status,
    code: say('code') ?? `http.${response.status}`,
    hint: say('hint'),
  })
}
