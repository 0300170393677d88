import { testStep } from 'motia/testing'
import { expect, test } from 'vitest'
import welcomeUser from '../motia/events/welcome-user'
import createUser from '../motia/steps/users/create-user'

test('a user is stored and welcomed later', async () => {
  const state = {}
  const { value, enqueued } = await testStep(createUser).request({ body: { name: 'Ann', email: 'a@b.co' } }, { state })
  expect(value.body).toMatchObject({ name: 'Ann', role: 'user', status: 'new' })
  expect(enqueued).toEqual([{ step: 'welcome-user', data: { userId: value.body.id } }])
  await testStep(welcomeUser).message(enqueued[0].data, { state })
  expect(state).toMatchObject({ users: { [value.body.id]: { status: 'welcomed' } } })
})
