import { cron, logger } from '@motia/core'

export default cron({ id: 'daily-summary', schedule: '0 9 * * *', flows: ['users'] }, async ({ state }) => {
  const users = await state.list<{ status: string }>('users')
  const summary = { users: users.length, welcomed: users.filter((user) => user.status === 'welcomed').length }
  logger.info('daily summary', summary)
  return summary
})
