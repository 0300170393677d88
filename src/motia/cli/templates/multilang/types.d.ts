// Made by `motia generate types` from the steps of this project; `motia dev` keeps it up to date.
/// <reference types="motia/names" />
import 'motia'

declare module 'motia' {
  interface StepHandlers {
    "Greet": (request: ApiRequest<{ name: string }>, ctx: FlowContext<{ topic: "greeting.wanted"; data: any }>) => any
    "ReadGreeting": (request: ApiRequest<any>, ctx: FlowContext<never>) => any
    "StoreGreeting": (input: any, ctx: FlowContext<never>) => any
    "WriteGreeting": (input: any, ctx: FlowContext<{ topic: "greeting.written"; data: any }>) => any
  }

  interface StepInputs {
    "StoreGreeting": any
    "WriteGreeting": any
  }

  interface Topics {
    "greeting.wanted": any
    "greeting.written": any
  }
}
