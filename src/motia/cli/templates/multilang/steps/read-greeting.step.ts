import { type ApiRouteConfig, type Handlers, HTTPError } from 'motia'

export const config: ApiRouteConfig = {
  type: 'api',
  name: 'ReadGreeting',
  method: 'GET',
  path: '/greetings/:id',
  emits: [],
  flows: ['greetings'],
}

export const handler: Handlers['ReadGreeting'] = async (req, { state }) => {
  const text = await state.get<string>('greetings', req.pathParams.id)
  if (text === null) throw new HTTPError(404, 'not written yet')
  return { status: 200, body: { text } }
}
