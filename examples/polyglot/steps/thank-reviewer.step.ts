// TypeScript as a workflow: a happy reviewer gets one coupon, which is taken back when nobody redeems it.
import { type EventConfig, type EventHandler } from 'motia'

export const config: EventConfig = {
  type: 'event',
  name: 'ThankReviewer',
  subscribes: ['review.labelled'],
  flows: ['reviews'],
}

export const handler: EventHandler = async ({ id, label }, { step, waitFor, state, logger }) => {
  if (label !== 'happy') return
  const takeBack = (coupon: string) => state.set('coupons', id, { coupon, status: 'taken back' })
  const coupon = await step('coupon', () => `THANKS-${Date.now()}`, { undo: takeBack })
  await state.set('coupons', id, { coupon, status: 'sent' })
  await waitFor('coupon.redeemed', { match: { id }, timeout: '30d' })
  await state.set('coupons', id, { coupon, status: 'redeemed' })
  logger.info('coupon redeemed', { id, coupon })
}
