import { type ApiRouteConfig, type Handlers } from 'motia'
import { z } from 'zod'
import { Order } from '../shop/orders'

export const config: ApiRouteConfig = {
  type: 'api',
  name: 'CreateOrder',
  description: 'Takes an order and leaves the work to the queue',
  method: 'POST',
  path: '/orders',
  bodySchema: Order,
  responseSchema: { 202: z.object({ orderId: z.string() }) },
  emits: ['order.created'],
  flows: ['orders'],
}

export const handler: Handlers['CreateOrder'] = async (req, { emit, traceId, logger }) => {
  const orderId = traceId
  await emit({ topic: 'order.created', data: { ...req.body, orderId } })
  logger.info('order taken', { orderId })
  return { status: 202, body: { orderId } }
}
