import { type ApiRouteConfig, type Handlers } from 'motia'
import { z } from 'zod'

export const config: ApiRouteConfig = {
  type: 'api',
  name: 'Greet',
  description: 'TypeScript: takes a request, leaves the work to Python',
  method: 'POST',
  path: '/greetings',
  bodySchema: z.object({ name: z.string().min(1) }),
  emits: ['greeting.wanted'],
  flows: ['greetings'],
}

export const handler: Handlers['Greet'] = async (req, { emit, traceId }) => {
  await emit({ topic: 'greeting.wanted', data: { name: req.body.name } })
  return { status: 202, body: { id: traceId } }
}
