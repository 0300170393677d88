import assert from 'node:assert/strict'
import { test } from 'node:test'
import { testStep } from 'motia/testing'
import * as countHellos from '../steps/count-hellos.step.js'
import * as hello from '../steps/hello.step.js'

test('hello answers and tells others', async () => {
  const { value, enqueued } = await testStep(hello).request({ body: { name: 'Ann' } })
  assert.deepEqual(value, { status: 200, body: { message: 'Hello Ann' } })
  assert.deepEqual(enqueued, [{ topic: 'hello.said', data: { name: 'Ann' } }])
})

test('hellos are counted by name', async () => {
  const state = { hellos: { Ann: 2 } }
  await testStep(countHellos).message({ name: 'Ann' }, { state })
  assert.equal(state.hellos.Ann, 3)
})
