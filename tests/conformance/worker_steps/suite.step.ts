import { HTTPError, Retry } from 'motia'

export const config = {
  type: 'event',
  name: 'Suite',
  subscribes: ['suite'],
  emits: ['out'],
  condition: (input: any) => !input.skip,
}

export const handler = async (given: any, ctx: any) => {
  const input = given.body ?? given
  switch (input.do) {
    case 'echo':
      return input.value
    case 'bytes':
      return new Uint8Array([0, 255, 1])
    case 'state':
      ctx.state.set('s', 'k', input.value)
      return await ctx.state.get('s', 'k')
    case 'enqueue':
      return await ctx.enqueue({ topic: 'out', data: input.value })
    case 'call':
      return await ctx.call('Other', input.value)
    case 'raise':
      throw new TypeError('bad thing')
    case 'cut':
      ctx.logger.warn('cut \ud83d', { text: 'cut \ud83d', error: new Error('cut \ud83d') })
      throw new TypeError('cut \ud83d')
    case 'refuse':
      throw new HTTPError(404, 'no such order')
    case 'retry':
      return new Retry(2.5, 'busy')
    case 'wrong':
      return { deep: [1, Number.NaN] }
    case 'huge':
      return { deep: [1, 2n ** 70n] }
    case 'large':
      return { small: 1, text: 'x'.repeat(3_000_000) }
    case 'print':
      console.log('hello')
      return null
    case 'log':
      ctx.logger.warn('hi', { n: 1 })
      return null
    case 'sleep':
      await new Promise((resolve) => ctx.signal.addEventListener('abort', resolve))
      return null
    case 'step':
      return await ctx.step('work', () => input.value)
    case 'step_fails':
      return await ctx.step('work', () => Promise.reject(new TypeError('bad thing')), { retries: 2 })
    case 'nap':
      await ctx.sleep('1h')
      return 'awake'
    case 'wait':
      return await ctx.waitFor('paid', { match: { order: input.value }, timeout: '2d' })
    case 'approval': {
      const schema = { type: 'object', properties: { approved: { type: 'boolean' } } }
      return await ctx.approval(schema, { title: 'Pay?', expires: '2d', notify: (link: string) => `told ${link}` })
    }
    case 'status':
      return await ctx.setCustomStatus(input.value)
    case 'run': {
      const run = await ctx.getRun(input.value)
      return [run.status, run.customStatus, run.dueAt.getTime()]
    }
    case 'stream':
      return {
        status: 200,
        body: (async function* () {
          for (let index = 0; index < input.count; index++) yield `item ${index}`.padEnd(input.size ?? 0)
        })(),
      }
  }
}
