import { type EventConfig, type Handlers } from 'motia'
import { z } from 'zod'
import { Order, totalCents } from '../shop/orders'

export const config: EventConfig = {
  type: 'event',
  name: 'ProcessOrder',
  description: 'Prices an order and stores it; may run twice for one message',
  subscribes: ['order.created'],
  input: Order.extend({ orderId: z.string() }),
  emits: [],
  flows: ['orders'],
}

export const handler: Handlers['ProcessOrder'] = async (order, { state, logger }) => {
  await state.set('orders', order.orderId, { ...order, totalCents: totalCents(order) })
  logger.info('order priced', { orderId: order.orderId })
}
