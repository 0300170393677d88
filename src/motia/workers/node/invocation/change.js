// The input of state and stream triggers, under every name that its parts go by.

/**
 * The change with `groupId` beside `group_id`, and for state with `scope` and `key`. The other names are not
 * enumerable: what is logged or stored shows each part once.
 * @param {any} change
 * @returns {any}
 */
export function readableChange(change) {
  if (change === null || typeof change !== 'object') return change
  for (const name of Object.keys(change)) {
    const camel = name.replace(/_([a-z])/g, (_, letter) => letter.toUpperCase())
    const snake = name.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`)
    alias(change, camel, name)
    alias(change, snake, name)
  }
  if (change.type === 'state') {
    alias(change, 'scope', 'group_id')
    alias(change, 'key', 'item_id')
  }
  return change
}

/** @param {any} change @param {string} other @param {string} name */
function alias(change, other, name) {
  if (other in change) return
  Object.defineProperty(change, other, { get: () => change[name], configurable: true })
}
