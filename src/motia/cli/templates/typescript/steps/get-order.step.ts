import { type ApiRouteConfig, type Handlers, HTTPError } from 'motia'

export const config: ApiRouteConfig = {
  type: 'api',
  name: 'GetOrder',
  method: 'GET',
  path: '/orders/:id',
  emits: [],
  flows: ['orders'],
}

export const handler: Handlers['GetOrder'] = async (req, { state }) => {
  const order = await state.get('orders', req.pathParams.id)
  if (order === null) throw new HTTPError(404, 'no such order')
  return { status: 200, body: order }
}
