# frozen_string_literal: true

module Motia
  # What a handler sees of its execution. Every call is done when it returns.
  class Context
    include Workflow

    attr_reader :trace_id, :traceparent, :step_name, :flows, :attempt, :trigger, :logger, :state, :message_id
    attr_accessor :user
    alias traceId trace_id # rubocop:disable Naming/MethodName

    def initialize(connection, invocation, params, project_dir = nil)
      @connection = connection
      @invocation = invocation
      @project_dir = project_dir
      @trace_id = params["trace_id"]
      # The header of W3C Trace Context with which another service continues this trace.
      @traceparent = "00-#{@trace_id}-#{params["span_id"]}-01"
      @step_name = params["step"]
      @flows = params["flows"]
      @attempt = params["attempt"]
      @message_id = params["message_id"]
      @deadline_ms = params["deadline_ms"]
      @trigger = params["trigger"]
      @user = params["user"]
      @logger = Logger.new(connection, invocation)
      @state = State.new(self)
      @cancelled = false
    end

    # Put a message on a topic; its id, once it is durable. A list of hashes: one commit, a list of ids.
    def enqueue(topic = nil, data = nil, **options)
      return write({ "op" => "enqueue", "messages" => topic.map { |item| message(item) } }) if topic.is_a?(Array)

      item = topic.is_a?(Hash) ? topic : { topic: topic, data: data, **options }.compact
      item = options if topic.nil?
      write({ "op" => "enqueue", "messages" => [message(item)] }).first
    end
    alias emit enqueue

    # A message for each item, all in one commit; the id of the bulk. See `bulk` and `cancel_bulk`.
    def enqueue_many(topic, items, group: nil, delay: nil, at: nil)
      operation = { "op" => "enqueue_many", "topic" => topic.to_s, "items" => Values.dump(items.to_a) }
      operation["group"] = group.to_s if group
      operation["delay_s"] = delay if delay
      operation["at_ms"] = milliseconds(at) if at
      write(operation)
    end

    # Where a bulk stands: total, completed, waiting, running, dead, cancelled; nil for one that is not known.
    def bulk(id)
      read({ "op" => "bulk", "id" => id.to_s })["bulk"]
    end

    # End what is left of a bulk; how many messages that were.
    def cancel_bulk(id)
      write({ "op" => "bulk.cancel", "id" => id.to_s })["cancelled"]
    end

    # Put a message for one step, by its id.
    def trigger_step(step, data = nil, **options)
      write({ "op" => "enqueue", "messages" => [message({ step: step, data: data, **options })] }).first
    end

    # Make the writes inside the block one commit, or none of them.
    def atomic(settle: false)
      ask("context.atomic", { "action" => "begin", "settle" => settle })
      result = yield
      ask("context.atomic", { "action" => "commit" })
      result
    rescue Exception
      ask("context.atomic", { "action" => "abandon" })
      raise
    end

    # Seconds until the handler should have ended; nil without a limit.
    def remaining_s
      @deadline_ms && (@deadline_ms / 1000.0) - Time.now.to_f
    end

    def cancelled?
      @cancelled
    end

    def cancel
      @cancelled = true
    end

    # Realtime streams: `context.streams.chat` or `context.streams["chat"]`.
    def streams
      @streams ||= Streams.new(self)
    end

    def write(operation)
      ask("context.commit", { "operations" => [operation] })["results"].first
    end

    def read(operation)
      ask("context.read", { "read" => operation })
    end

    private

    def ask(method, params, run = nil)
      @connection.call(method, { "invocation" => @invocation, **params }, run, @project_dir)
    end

    def message(item)
      item = item.transform_keys(&:to_s)
      made = { "data" => Values.dump(item["data"]) }
      made["topic"] = item["topic"].to_s if item["topic"]
      made["step"] = item["step"].to_s if item["step"]
      group = item["group"] || item["messageGroupId"] || item["message_group_id"]
      made["group"] = group.to_s if group
      made["delay_s"] = item["delay"] if item["delay"]
      made["at_ms"] = milliseconds(item["at"]) if item["at"]
      made
    end

    def milliseconds(moment)
      moment.is_a?(Time) ? (moment.to_f * 1000).round : moment
    end
  end

  # Shared key-value state.
  class State
    def initialize(context)
      @context = context
    end

    def get(scope, key)
      @context.read({ "op" => "state.get", "scope" => scope.to_s, "key" => key.to_s })["value"]
    end

    # Gives the value back. `ttl` in seconds forgets it later; `if_version` writes only over that version.
    def set(scope, key, value, ttl: nil, if_version: nil)
      operation = { "op" => "state.set", "scope" => scope.to_s, "key" => key.to_s, "value" => Values.dump(value) }
      operation["ttl_s"] = ttl if ttl
      operation["if_version"] = if_version if if_version
      @context.write(operation)
      value
    end

    def delete(scope, key)
      written = @context.write({ "op" => "state.delete", "scope" => scope.to_s, "key" => key.to_s })
      written && written["old"]
    end

    # Apply set, merge, increment, decrement, append and remove atomically. Gives "old_value", "new_value" and
    # "version"; nil inside `atomic`.
    def update(scope, key, operations)
      list = operations.is_a?(Array) ? operations : [operations]
      Values.changes(@context.write({ "op" => "state.update", "scope" => scope.to_s, "key" => key.to_s,
                                      "operations" => Values.dump(list) }))
    end

    def increment(scope, key, by = 1)
      written = update(scope, key, { "type" => "increment", "path" => [], "by" => by })
      written && written["new_value"]
    end

    # All values of a scope.
    def get_group(scope)
      entries(scope).values
    end
    alias getGroup get_group # rubocop:disable Naming/MethodName
    alias list get_group

    def entries(scope)
      @context.read({ "op" => "state.entries", "scope" => scope.to_s })["entries"]
    end

    def clear(scope)
      @context.write({ "op" => "state.clear", "scope" => scope.to_s })
      nil
    end
  end

  # All streams of the project, by name.
  class Streams
    def initialize(context)
      @context = context
    end

    def [](name)
      Stream.new(@context, name.to_s)
    end

    def respond_to_missing?(_name, _include_private = false)
      true
    end

    def method_missing(name, *arguments)
      arguments.empty? ? self[name] : super
    end
  end

  # One stream: items in groups, whose changes reach subscribers.
  class Stream
    def initialize(context, name)
      @context = context
      @name = name
    end

    def get(group, id)
      @context.read({ "op" => "stream.get", **place(group, id) })["item"]
    end

    # The items of a group, in the order of their creation.
    def get_group(group)
      @context.read({ "op" => "stream.group", "stream" => @name, "group" => group.to_s })["items"]
    end
    alias getGroup get_group # rubocop:disable Naming/MethodName
    alias list get_group

    def list_groups
      @context.read({ "op" => "stream.groups", "stream" => @name })["groups"]
    end

    # Gives the item as stored.
    def set(group, id, data)
      @context.write({ "op" => "stream.set", **place(group, id), "data" => Values.dump(data) })
    end

    # Change an item atomically; gives what State#update gives.
    def update(group, id, operations)
      list = operations.is_a?(Array) ? operations : [operations]
      Values.changes(@context.write({ "op" => "stream.update", **place(group, id), "operations" => Values.dump(list) }))
    end

    def delete(group, id)
      written = @context.write({ "op" => "stream.delete", **place(group, id) })
      written && written["old"]
    end

    # Tell the subscribers of a group, or of one item, of an event `{ type:, data: }`, which is not kept. It is not
    # named `send`: every object of Ruby has a method of that name.
    def send_event(group, event, id: nil)
      operation = { "op" => "stream.send", "stream" => @name, "group" => group.to_s, "event" => Values.dump(event) }
      operation["id"] = id.to_s if id
      @context.write(operation)
      nil
    end

    private

    def place(group, id)
      { "stream" => @name, "group" => group.to_s, "id" => id.to_s }
    end
  end

  # Structured logs of a step.
  class Logger
    def initialize(connection, invocation)
      @connection = connection
      @invocation = invocation
    end

    { debug: "debug", info: "info", warn: "warning", warning: "warning", error: "error" }.each do |name, level|
      define_method(name) { |message, data = nil| log(level, message, data) }
    end

    def log(level, message, data = nil)
      params = { "invocation" => @invocation, "level" => level, "message" => Values.readable(message.to_s) }
      params["data"] = describe(data) unless data.nil?
      @connection.note("log", params)
    end

    private

    # Logging never fails: what JSON cannot carry is shown as text.
    def describe(data)
      Values.dump(data)
    rescue Error
      data.inspect.scrub
    end
  end
end
