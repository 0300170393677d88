import { event, logger } from '@motia/core'
import { z } from 'zod'

export default event(
  { id: 'welcome-user', schema: z.object({ userId: z.string() }), flows: ['users'] },
  async ({ userId }, { state }) => {
    // Idempotent: running it again for the same message changes nothing.
    await state.update('users', userId, { type: 'set', path: 'status', value: 'welcomed' })
    logger.info('welcomed', { userId })
    return { emailSent: true }
  },
)
