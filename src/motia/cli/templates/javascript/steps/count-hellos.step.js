export const config = {
  type: 'event',
  name: 'CountHellos',
  subscribes: ['hello.said'],
  emits: [],
  flows: ['hello'],
}

export const handler = async ({ name }, { state, logger }) => {
  const count = await state.increment('hellos', name)
  logger.info('counted', { name, count })
}
