def config
  { type: "event", name: "Suite", subscribes: ["suite"], emits: ["out"],
    condition: ->(input) { !input.skip } }
end

def handler(input, context)
  input = input.body if input.is_a?(Motia::Request)
  case input["do"]
  when "echo" then input.value
  when "bytes" then "\x00\xff\x01".b
  when "state"
    context.state.set("s", "k", input.value)
    context.state.get("s", "k")
  when "enqueue" then context.enqueue("out", input.value)
  when "call" then context.call("Other", input.value)
  when "raise" then raise ArgumentError, "bad thing"
  when "cut"
    context.logger.warn("cut \xf0\x9f", { text: "cut \xf0\x9f" })
    raise ArgumentError, "cut \xf0\x9f"
  when "refuse" then raise Motia::HTTPError.new(404, "no such order")
  when "retry" then Motia::Retry.new(2.5, "busy")
  when "wrong" then { deep: [1, Float::NAN] }
  when "huge" then { deep: [1, 2**70] }
  when "large" then { small: 1, text: "x" * 3_000_000 }
  when "print" then puts "hello"
  when "log" then context.logger.warn("hi", { n: 1 }) && nil
  when "sleep" then sleep 60
  when "step" then context.step("work") { input.value }
  when "step_fails" then context.step("work", retries: 2) { raise ArgumentError, "bad thing" }
  when "nap"
    context.sleep("1h")
    "awake"
  when "wait" then context.wait_for("paid", match: { order: input.value }, timeout: "2d")
  when "stream"
    { status: 200, body: Enumerator.new { |out| input["count"].times { |index| out << "item #{index}".ljust(input["size"] || 0) } } }
  end
end
