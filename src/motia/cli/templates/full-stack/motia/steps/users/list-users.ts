import { api } from '@motia/core'

export default api({ id: 'list-users', method: 'GET', path: '/users', flows: ['users'] }, async (_request, { state }) => ({
  users: await state.list('users'),
}))
