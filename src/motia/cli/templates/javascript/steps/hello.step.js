import { z } from 'zod'

export const config = {
  type: 'api',
  name: 'Hello',
  method: 'POST',
  path: '/hello',
  bodySchema: z.object({ name: z.string().min(1) }),
  emits: ['hello.said'],
  flows: ['hello'],
}

export const handler = async (req, { emit }) => {
  await emit({ topic: 'hello.said', data: req.body })
  return { status: 200, body: { message: `Hello ${req.body.name}` } }
}
