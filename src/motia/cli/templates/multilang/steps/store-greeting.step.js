// JavaScript: keeps the greeting under the trace of the request that asked for it.
export const config = {
  type: 'event',
  name: 'StoreGreeting',
  subscribes: ['greeting.written'],
  emits: [],
  flows: ['greetings'],
}

export const handler = async ({ text }, { state, traceId, logger }) => {
  await state.set('greetings', traceId, text)
  logger.info('stored', { text })
}
