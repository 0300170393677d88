# frozen_string_literal: true

module Motia
  # What goes wrong, with the stable code that the protocol carries.
  class Error < StandardError
    attr_reader :code, :hint

    def initialize(message, code:, hint: nil)
      super(message)
      @code = code
      @hint = hint
    end
  end

  # Raise it to answer a request: `raise Motia::HTTPError.new(404, "no such order")`.
  class HTTPError < StandardError
    attr_reader :status, :detail, :headers

    def initialize(status, detail = nil, headers = nil)
      super(detail.is_a?(String) ? detail : "the handler refused the request")
      @status = status
      @detail = detail
      @headers = headers
    end
  end

  # Raised in a handler that should stop. No StandardError: `rescue => error` does not catch it.
  class Cancelled < Exception; end # rubocop:disable Lint/InheritException

  # Raised in the block of a workflow's step that took longer than its timeout.
  class StepTimedOut < Exception; end # rubocop:disable Lint/InheritException

  # Return one of these instead of a value. `delay_s` nil: as the policy says.
  Retry = Struct.new(:delay_s, :reason)
  Snooze = Struct.new(:delay_s, :reason)
  Cancel = Struct.new(:reason)

  # An exception as the error object of an answer.
  module ErrorObject
    OWN = File.expand_path("..", __dir__)
    TEMPORARY = %w[context.refused worker.crashed workflow.step_timed_out].freeze

    MOST_FRAMES = 50

    module_function

    def of(error, project_dir)
      data = { "code" => "handler.raised", "type" => error.class.name.to_s, "stack" => stack(error, project_dir) }
      data["code"] = error.code if error.is_a?(Error)
      data["hint"] = error.hint if error.is_a?(Error) && error.hint
      data["retryable"] = false if error.is_a?(Error) && !TEMPORARY.include?(error.code)
      line = line_of(error, project_dir)
      data["line"] = line if line
      if error.is_a?(HTTPError)
        data.update("status" => error.status, "detail" => Values.dump(error.detail))
        data["headers"] = error.headers.transform_keys(&:to_s) if error.headers
      end
      { "code" => -32_000, "message" => text(error), "data" => data }
    end

    def text(error)
      Values.readable(error.message)
    end

    def stack(error, project_dir)
      frames = (error.backtrace || []).reject { |frame| frame.start_with?(OWN) || frame.start_with?("<internal:") }
      ["#{error.class}: #{text(error)}", *shortened(frames.map { |frame| "    at #{frame.delete_prefix("#{project_dir}/")}" })]
        .join("\n").scrub
    end

    # A recursion without end leaves thousands of frames, all alike.
    def shortened(frames)
      return frames if frames.size <= MOST_FRAMES

      [*frames.first(MOST_FRAMES - 10), "    … #{frames.size - MOST_FRAMES} more", *frames.last(10)]
    end

    def line_of(error, project_dir)
      frame = (error.backtrace || []).find { |one| one.start_with?("#{project_dir}/") }
      place = frame || (error.is_a?(ScriptError) ? error.message : nil)
      number = place && place[/:(\d+)(?=:|\z)/, 1]
      number&.to_i
    end
  end
end
