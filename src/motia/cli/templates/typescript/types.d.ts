// Made by `motia generate types` from the steps of this project; `motia dev` keeps it up to date.
/// <reference types="motia/names" />
import 'motia'

declare module 'motia' {
  interface StepHandlers {
    "CreateOrder": (request: ApiRequest<{ item: string; quantity: number; email: string }>, ctx: FlowContext<{ topic: "order.created"; data: { item: string; quantity: number; email: string; orderId: string } }>) => Promise<ApiResponse<202, { orderId: string }>> | ApiResponse<202, { orderId: string }>
    "GetOrder": (request: ApiRequest<any>, ctx: FlowContext<never>) => any
    "ProcessOrder": (input: { item: string; quantity: number; email: string; orderId: string }, ctx: FlowContext<never>) => any
    "ReportOrders": (ctx: FlowContext<never>) => any
  }

  interface StepInputs {
    "ProcessOrder": { item: string; quantity: number; email: string; orderId: string }
  }

  interface Topics {
    "order.created": { item: string; quantity: number; email: string; orderId: string }
  }
}
