import { z } from 'zod'

export const Order = z.object({
  item: z.string().min(1),
  quantity: z.number().int().min(1).default(1),
  email: z.string().email(),
})
export type Order = z.infer<typeof Order>

const PRICES_CENTS: Record<string, number> = { book: 1490, pen: 290 }

/** What an order costs. Unknown items cost nothing until somebody sets a price. */
export function totalCents(order: Order): number {
  return (PRICES_CENTS[order.item] ?? 0) * order.quantity
}
