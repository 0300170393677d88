import { api } from '@motia/core'
import { z } from 'zod'

const NewUser = z.object({
  name: z.string().min(2),
  email: z.string().email(),
  role: z.enum(['user', 'admin']).default('user'),
})

export default api(
  { id: 'create-user', method: 'POST', path: '/users', schema: { body: NewUser }, flows: ['users'] },
  async ({ body }, { state, traceId }) => {
    const user = { id: traceId, ...body, status: 'new' }
    await state.set('users', user.id, user)
    await motia.trigger('welcome-user', { userId: user.id })
    return { status: 201, body: user }
  },
)
