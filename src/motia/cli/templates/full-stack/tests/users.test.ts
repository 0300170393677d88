import { testStep } from 'motia/testing'
import { expect, test } from 'vitest'
import sendWelcomeEmail from '../motia/events/send-welcome-email'
import createUser from '../motia/steps/users/create-user'

test('a user is stored and welcomed later', async () => {
  const state = {}
  const { value, enqueued } = await testStep(createUser).request({ body: { name: 'Ann', email: 'a@b.co' } }, { state })
  expect(value.body).toMatchObject({ name: 'Ann', role: 'user', status: 'new' })
  expect(enqueued).toEqual([{ step: 'send-welcome-email', data: { userId: value.body.id } }])
  await testStep(sendWelcomeEmail).message(enqueued[0].data, { state })
  expect(state).toMatchObject({ users: { [value.body.id]: { status: 'welcomed' } } })
})
