// TypeScript takes the request and leaves the work to the queue.
import { type ApiRouteConfig, enqueue } from 'motia'

export const config: ApiRouteConfig = {
  type: 'api',
  name: 'SubmitReview',
  method: 'POST',
  path: '/reviews',
  bodySchema: {
    type: 'object',
    properties: { product: { type: 'string', minLength: 1 }, text: { type: 'string', minLength: 1 } },
    required: ['product', 'text'],
  },
  emits: ['review.submitted'],
  flows: ['reviews'],
}

export const handler = async (req: { body: { product: string; text: string } }, { traceId, logger }: any) => {
  await enqueue({ topic: 'review.submitted', data: { id: traceId, ...req.body } })
  logger.info('review taken', { product: req.body.product })
  return { status: 202, body: { id: traceId } }
}
