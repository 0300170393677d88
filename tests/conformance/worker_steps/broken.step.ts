export const config = { name: 'Broken' }

throw new Error('broken on purpose')
