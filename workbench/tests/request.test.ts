import { expect, it } from 'vitest'
import type { Endpoint } from '@/api/types'
import { addressOf, curlOf, draftOf, missing } from '@/pages/endpoints/request'

const endpoint: Endpoint = {
  id: 'PUT /orders/:id/files/*rest',
  step: 'store',
  method: 'PUT',
  path: '/orders/:id/files/*rest',
  description: '',
  flows: [],
  path_params: ['id', 'rest'],
  query: [{ name: 'dry', description: 'change nothing' }],
  params_schema: null,
  query_schema: null,
  body_schema: { type: 'object' },
  responses: [],
  auth: null,
  max_body_bytes: 1,
  timeout_s: 1,
  example: { name: "Ada's" },
}

it('fills the path and the query, each encoded', () => {
  const draft = {
    ...draftOf(endpoint),
    params: { id: 'a/b', rest: 'x y/z' },
    query: [['dry', '1&2']] as [string, string][],
  }
  expect(addressOf(endpoint, draft)).toBe('/orders/a%2Fb/files/x%20y/z?dry=1%262')
  expect(missing(endpoint, draft)).toEqual([])
  expect(missing(endpoint, draftOf(endpoint))).toEqual(['id', 'rest'])
})

it('says the same for a shell, quotes and all', () => {
  const draft = { ...draftOf(endpoint), params: { id: '1', rest: 'r' }, query: [] }
  expect(curlOf(endpoint, draft, 'http://127.0.0.1:3001')).toBe(
    [
      "curl -i -X PUT 'http://127.0.0.1:3001/orders/1/files/r'",
      "-H 'content-type: application/json'",
      `--data '{\n  "name": "Ada'\\''s"\n}'`,
    ].join(' \\\n  '),
  )
})
