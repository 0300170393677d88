import { testStep } from 'motia/testing'
import { expect, test } from 'vitest'
import * as createOrder from '../steps/create-order.step'
import * as processOrder from '../steps/process-order.step'

const ORDER = { item: 'book', quantity: 2, email: 'ann@example.com' }

test('an order is taken and put on the queue', async () => {
  const { value, enqueued } = await testStep(createOrder).request({ body: ORDER })
  expect(value.status).toBe(202)
  expect(enqueued).toEqual([{ topic: 'order.created', data: { ...ORDER, orderId: value.body.orderId } }])
})

test('an order without an address is refused', async () => {
  await expect(testStep(createOrder).request({ body: { item: 'book' } })).rejects.toMatchObject({ code: 'input.invalid' })
})

test('processing prices an order, however often it runs', async () => {
  const state = {}
  const step = testStep(processOrder)
  await step.message({ ...ORDER, orderId: '1' }, { state })
  await step.message({ ...ORDER, orderId: '1' }, { state })
  expect(state).toEqual({ orders: { 1: { ...ORDER, orderId: '1', totalCents: 2980 } } })
})
