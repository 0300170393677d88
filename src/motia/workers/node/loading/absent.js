// Stands for packages of the old console (plugins, components of its flow view): they load and do nothing.

/** @type {any} */
export const absent = new Proxy(function absentPackage() {}, {
  get: (_, name) => (name === '__esModule' ? true : name === 'then' || typeof name === 'symbol' ? undefined : absent),
  apply: () => absent,
  construct: () => absent,
  has: () => true,
})
