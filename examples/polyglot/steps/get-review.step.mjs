// JavaScript again, as an ES module: reads what the other languages made.
import { HTTPError } from 'motia'

export const config = { type: 'api', name: 'GetReview', method: 'GET', path: '/reviews/:id', emits: [], flows: ['reviews'] }

export const handler = async ({ params }, { state }) => {
  const review = await state.get('reviews', params.id)
  if (review === null) throw new HTTPError(404, 'not stored yet')
  return { status: 200, body: { ...review, labels: await state.get('labels', review.product) } }
}
