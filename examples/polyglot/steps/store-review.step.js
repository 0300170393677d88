// JavaScript stores the review and counts the labels of its product.
exports.config = {
  type: 'event',
  name: 'StoreReview',
  subscribes: ['review.labelled'],
  emits: [],
  flows: ['reviews'],
}

exports.handler = async (review, { state, atomic }) => {
  // Both writes or none; a second run of the same message finds the review and counts nothing.
  if ((await state.get('reviews', review.id)) !== null) return
  await atomic(async () => {
    await state.set('reviews', review.id, review)
    await state.update('labels', review.product, { type: 'increment', path: review.label, by: 1 })
  })
}
