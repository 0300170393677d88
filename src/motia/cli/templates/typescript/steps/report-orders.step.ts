import { type CronConfig, type Handlers } from 'motia'

export const config: CronConfig = {
  type: 'cron',
  name: 'ReportOrders',
  cron: '0 9 * * *',
  emits: [],
  flows: ['orders'],
}

export const handler: Handlers['ReportOrders'] = async ({ state, logger }) => {
  const orders = await state.getGroup<{ totalCents: number }>('orders')
  const totalCents = orders.reduce((sum, order) => sum + order.totalCents, 0)
  logger.info('orders so far', { count: orders.length, totalCents })
}
