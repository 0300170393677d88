# frozen_string_literal: true

module Motia
  # Durable calls of a handler that a queue drives: each is done once in the life of its run. The handler begins at
  # its first line each time it goes on, and calls that were done answer at once. Failure: Motia::Error.
  module Workflow
    SUSPENDED = :motia_suspended
    UNIT_S = { "ms" => 0.001, "s" => 1, "m" => 60, "h" => 3600, "d" => 86_400, "w" => 604_800 }.freeze
    DURATION = /\A(?:\s*\d+(?:\.\d+)?\s*(?:ms|s|m|h|d|w))+\s*\z/

    # Id of the run: that of its message, the same over all attempts.
    def run_id
      message_id || raise(Error.new("#{step_name}: expected a handler that a message of a queue drives",
                                    code: "workflow.not_durable"))
    end

    # What the block gives, as JSON gives it back. Without `retries` a failure is the handler's. Without a block:
    # the name of the step that runs.
    def step(name = nil, version: nil, key: nil, retries: nil, delay: nil, timeout: nil, &block)
      return step_name if name.nil? && block.nil?
      raise ArgumentError, "step: expected a name and a block" if name.nil? || block.nil?

      options = { "version" => version, "key" => key, "retries" => retries, "delay_s" => delay && seconds(delay),
                  "timeout_s" => timeout && seconds(timeout) }
      run_step({ "op" => "step", "name" => name.to_s, **options.compact }, block)
    end

    # Wait: 30, "5m", "1h 30m". From two seconds on the run holds no thread and no memory meanwhile.
    def sleep(duration)
      durable({ "op" => "sleep", "for_s" => seconds(duration) })
      nil
    end

    def sleep_until(moment)
      durable({ "op" => "sleep_until", "at_ms" => milliseconds(moment) })
      nil
    end

    # The payload of the first event of the topic whose fields equal `match`.
    def wait_for(topic, match: nil, timeout: nil, key: nil)
      options = { "match" => match && Values.dump(match), "timeout_s" => timeout && seconds(timeout), "key" => key }
      durable({ "op" => "wait", "topic" => topic.to_s, **options.compact })
    end

    # The data of a signal that is sent to this run.
    def wait_for_signal(name, timeout: nil)
      options = { "timeout_s" => timeout && seconds(timeout) }
      durable({ "op" => "wait_for_signal", "name" => name.to_s, **options.compact })
    end

    # Send a signal to a run, which may come to wait for it later.
    def signal(run_id, name, data = nil)
      write({ "op" => "signal", "run_id" => run_id.to_s, "name" => name.to_s, "data" => Values.dump(data) })
      nil
    end

    # Wait for what another step returns: durably where a queue drives the handler.
    def call(step, data = nil, key: nil, durable: nil)
      options = { "key" => key, "durable" => durable }
      leave if @suspended
      value_of(ask("context.call", { "step" => step.to_s, "data" => Values.dump(data), **options.compact }))
    end

    private

    def run_step(call, block)
      failure = nil
      run = lambda do
        failure = nil
        Values.dump(block.call, "workflow step '#{call["name"]}': $")
      rescue StandardError => error
        failure = error
        raise
      end
      durable(call, run)
    rescue Error => error
      # The very exception that the block raised, for those who rescue it.
      raise failure if failure && error.code != "workflow.step_failed"

      raise
    end

    def durable(call, run = nil)
      leave if @suspended
      value_of(ask("context.workflow", { "call" => call }, run))
    end

    # Nothing more comes of a suspended call: the handler is left.
    def value_of(result)
      leave if result["suspended"]
      result["value"]
    end

    # Also out of an `ensure` that a wait has led to: what stands there is done once the wait is over.
    def leave
      @suspended = true
      throw SUSPENDED, SUSPENDED
    end

    def seconds(duration)
      return duration if duration.is_a?(Numeric) && !duration.negative?

      text = duration.to_s
      raise ArgumentError, "expected a duration such as 30 or \"5m\", got #{duration.inspect}" unless text.match?(DURATION)

      text.scan(/(\d+(?:\.\d+)?)\s*([a-z]+)/).sum { |amount, unit| amount.to_f * UNIT_S.fetch(unit) }
    end
  end
end
