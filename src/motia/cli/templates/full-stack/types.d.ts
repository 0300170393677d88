// Made by `motia generate types` from the steps of this project; `motia dev` keeps it up to date.
/// <reference types="motia/names" />
import 'motia'

declare module 'motia' {
  interface StepHandlers {
    "create-user": (request: ApiRequest<{ name: string; email: string; role: "user" | "admin" }>, ctx: FlowContext<never>) => any
    "daily-summary": (ctx: FlowContext<never>) => any
    "list-users": (request: ApiRequest<any>, ctx: FlowContext<never>) => any
    "welcome-user": (input: { userId: string }, ctx: FlowContext<never>) => any
  }

  interface StepInputs {
    "welcome-user": { userId: string }
  }

  interface Topics {
    "welcome-user": { userId: string }
  }
}
