# frozen_string_literal: true

module Motia
  # One run of a step or of a single function, in a thread of its own.
  class Invocation
    CONDITION_NOT_MET = { "outcome" => "cancelled", "reason" => "condition not met" }.freeze

    def initialize(connection, project, number, params)
      @connection = connection
      @project = project
      @number = number
      @params = params
      @cancelled = false
      @mutex = Mutex.new
    end

    # Run it and answer. Never raises.
    def run(method, project_dir)
      Output.of(@connection, @number) { answer(method, project_dir) }
    ensure
      @connection.invocations.delete(@number)
    end

    # Interrupt the handler.
    def cancel
      @mutex.synchronize do
        @cancelled = true
        @context&.cancel
        @thread&.raise(Cancelled, "the handler was asked to stop")
      end
    end

    private

    def answer(method, project_dir)
      @project_dir = project_dir
      result = interruptible { method == "invoke" ? invoke : { "value" => Values.dump(call_function) } }
      @connection.reply(@number, result)
      @stream&.run(project_dir)
    rescue Cancelled
      @connection.refuse(@number, -32_000, "cancelled", { "code" => "handler.cancelled" })
    rescue Exception => error # whatever an author's code raises is an answer, `exit` included
      object = ErrorObject.of(error, project_dir)
      @connection.refuse(@number, object["code"], object["message"], object["data"])
    end

    # Only between these lines the thread may be interrupted: never while it answers.
    def interruptible
      @mutex.synchronize do
        raise Cancelled if @cancelled

        @thread = Thread.current
      end
      Thread.handle_interrupt(Cancelled => :immediate) { yield }
    ensure
      @mutex.synchronize { @thread = nil }
    end

    def invoke
      @context = Context.new(@connection, @number, @params["context"], @project_dir)
      input = @params.key?("request") ? request : @params["input"]
      authenticate(input)
      return CONDITION_NOT_MET unless holds?(input)

      value = catch(Workflow::SUSPENDED) { onion(@params["middleware"] || [], input) }
      value.equal?(Workflow::SUSPENDED) ? { "outcome" => "suspended" } : outcome(value)
    end

    def request
      as_request(@params["request"])
    end

    def authenticate(input)
      return unless @params["auth"]

      @context.user = apply(@project.function(@params["auth"]), [input, @context])
      return if @context.user

      code = @context.user.nil? ? "access.unauthenticated" : "access.denied"
      raise Error.new("auth: expected a caller who may do this, got #{@context.user.inspect}", code: code)
    end

    def holds?(input)
      condition = @params["condition"]
      condition.nil? || apply(@project.function(condition), [input, @context])
    end

    def onion(middleware, input)
      return handle(input) if middleware.empty?

      inner = nil
      following = lambda do |replaced = nil|
        inner = onion(middleware.drop(1), replaced || input)
      end
      returned = apply(@project.function(middleware.first), [input, @context, following])
      returned.nil? ? inner : returned
    end

    def handle(input)
      function = @project.function(@params["function"])
      # A cron handler with one parameter wants the context.
      lone = function.arity == 1 || function.arity == -1
      return function.call(@context) if lone && @context.trigger["type"] == "cron"

      apply(function, [input, @context])
    end

    # As many of the arguments as the function takes.
    def apply(function, arguments)
      wanted = function.parameters.count { |kind, _| %i[req opt].include?(kind) }
      wanted = arguments.size if function.parameters.any? { |kind, _| kind == :rest }
      function.call(*arguments.first(wanted))
    end

    def call_function
      arguments = @params["arguments"]
      arguments = arguments.map { |item| item.is_a?(Record) && item.key?("path_params") ? as_request(item) : item }
      if @params["context"]
        context = Context.new(@connection, @number, @params["context"])
        arguments = arguments.dup.insert(@params["context_at"] || arguments.size, context)
      end
      apply(@project.function(@params["function"]), arguments)
    end

    def as_request(item)
      made = item.each_with_object(Request.new) { |(key, value), found| found[key] = value }
      # Left out where the body is what came.
      made["raw_body"] ||= made["body"] if made["body"].is_a?(String)
      made
    end

    def outcome(value)
      case value
      when Retry then { "outcome" => "retry", "delay_s" => value.delay_s, "reason" => value.reason.to_s }
      when Snooze then { "outcome" => "snooze", "delay_s" => value.delay_s, "reason" => value.reason.to_s }
      when Cancel then { "outcome" => "cancelled", "reason" => value.reason.to_s }
      else answer_with(value)
      end
    end

    def answer_with(value)
      Values.check_size(value, @connection.limits["message_bytes"])
      { "value" => Values.dump(value) { |items| stream(items) } }
    end

    def stream(items)
      @stream = OutgoingStream.new(@connection, items)
      @stream.number
    end
  end
end
