# frozen_string_literal: true

module Motia
  # What the node sent is no message: the connection cannot go on.
  class ProtocolError < StandardError; end

  # One node: lines in, lines out, calls and answers in both directions.
  class Connection
    DEFAULT_LIMITS = { "frame_bytes" => 1_048_576, "message_bytes" => 33_554_432, "message_parts" => 4,
                       "stream_items" => 64 }.freeze

    attr_accessor :greeted
    attr_reader :invocations, :limits, :streams

    def initialize(socket)
      @socket = socket
      @limits = DEFAULT_LIMITS
      @outgoing = Thread::Queue.new
      @outbox = Outbox.new(@limits) { |line| @outgoing.push(line) }
      @mutex = Mutex.new
      @answers = {}
      @functions = {}
      @runs = {}
      @last_id = 0
      @pieces = nil
      @invocations = {}
      @streams = {}
      @last_stream = 0
      @writer = Thread.new { write_all }
    end

    def limits=(limits)
      @limits = limits
      @outbox.limits = limits
    end

    # The node has taken in so many parts of long messages.
    def add_credit(parts)
      @outbox.add_credit(parts)
    end

    # Every message of the node, in order, until it leaves.
    def each_message
      while (line = @socket.gets("\n", @limits["frame_bytes"] + 1))
        raise ProtocolError, "a line is too long" unless line.end_with?("\n")

        message = read(line)
        yield message if message
      end
    rescue JSON::ParserError, EncodingError => error
      raise ProtocolError, error.message
    end

    # The result of a call to the node. `run` is a function that the node may ask for meanwhile: it runs in this
    # thread. Failure: Motia::Error.
    def call(method, params, run = nil, project_dir = nil)
      answer = Thread::Queue.new
      number = @mutex.synchronize do
        @last_id += 1
        @answers[@last_id] = answer
        @last_id
      end
      place = run && name_function(params, number, answer)
      send_message({ "jsonrpc" => "2.0", "id" => number, "method" => method, "params" => params })
      while (found = answer.pop)
        return result_of(found) unless found.key?("method")

        answer_run(found["id"], run, project_dir)
      end
      raise Error.new("the node is gone", code: "context.ended")
    ensure
      @mutex.synchronize { @functions.delete(place) } if place
    end

    # The node asks for a function: whoever waits for what comes of it runs it.
    def run(message)
      place = message["params"].values_at("invocation", "function")
      waiting = @mutex.synchronize { @functions[place] }
      return waiting.push(message) if waiting

      refuse(message["id"], -32_000, "run: expected a function of the invocation, got #{place.last}",
             { "code" => "worker.unknown_function" })
    end

    def reply(number, result)
      send_message({ "jsonrpc" => "2.0", "id" => number, "result" => result })
    rescue Error => error
      refuse(number, -32_000, error.message, { "code" => error.code })
    end

    def refuse(number, code, message, data = nil)
      error = { "code" => code, "message" => message }
      error["data"] = data if data
      send_message({ "jsonrpc" => "2.0", "id" => number, "error" => error })
    end

    def note(method, params)
      send_message({ "jsonrpc" => "2.0", "method" => method, "params" => params })
    end

    # A function took longer than the node waits for it.
    def stop_run(number)
      @mutex.synchronize { @runs.delete(number)&.raise(StepTimedOut, "the step took too long") }
    end

    def answered(message)
      answer = @mutex.synchronize { @answers.delete(message["id"]) }
      raise ProtocolError, "an answer to no call" unless answer

      answer.push(message)
    end

    def next_stream
      @mutex.synchronize { @last_stream += 1 }
    end

    def close
      waiting = @mutex.synchronize { @answers.values.tap { @answers.clear } }
      waiting.each { |answer| answer.push(nil) }
      @streams.each_value(&:close)
      @outgoing.close
      @socket.close
    rescue IOError
      nil # closed already
    end

    private

    # The number of the call is that of its function.
    def name_function(params, number, answer)
      params["call"]["function"] = number
      place = [params["invocation"], number]
      @mutex.synchronize { @functions[place] = answer }
      place
    end

    def answer_run(number, run, project_dir)
      reply(number, { "value" => stoppable(number, run) })
    rescue StandardError, StepTimedOut => error
      object = ErrorObject.of(error, project_dir)
      refuse(number, object["code"], object["message"], object["data"])
    end

    def stoppable(number, run)
      @mutex.synchronize { @runs[number] = Thread.current }
      run.call
    ensure
      @mutex.synchronize { @runs.delete(number) }
    end

    def read(line)
      line.force_encoding(Encoding::UTF_8)
      raise ProtocolError, "a line is no UTF-8" unless line.valid_encoding?

      message = Values.parse(line)
      raise ProtocolError, "expected an object" unless message.is_a?(Hash)

      message["method"] == "part" ? part(message["params"]) : message
    end

    def part(params)
      number, text, last = params.values_at("message", "text", "last")
      @pieces ||= [number, +""]
      raise ProtocolError, "a part of another message came in between" unless @pieces.first == number

      @pieces.last << text
      raise ProtocolError, "a message is too long" if @pieces.last.bytesize > @limits["message_bytes"]

      note("credit", { "parts" => 1 })
      return nil unless last

      whole = @pieces.last
      @pieces = nil
      Values.parse(whole)
    end

    def send_message(message)
      limit = @limits["message_bytes"]
      text = JSON.generate(message, max_nesting: 100)
      raise Values.too_large(message.dig("result", "value") || message["params"], limit) if text.bytesize > limit

      @outbox.put(text, lane(message))
    rescue ClosedQueueError
      nil # the node is gone; whoever waits for it hears of that
    rescue JSON::GeneratorError, EncodingError => error
      # A key or a name: values were looked at already.
      raise Error.new("expected text that UTF-8 can carry, got other bytes: #{Values.readable(error.message)}", code: "value.not_json")
    end

    # What the message is about: nothing of one invocation or stream overtakes another message of it.
    def lane(message)
      params = message["params"]
      return [:invocation, message["id"]] unless params
      return [:invocation, params["invocation"]] if params["invocation"]

      params["stream"] && [:stream, params["stream"]]
    end

    def result_of(answer)
      error = answer["error"]
      return answer["result"] unless error

      raise Error.new(error["message"], code: error.dig("data", "code") || "context.refused", hint: error.dig("data", "hint"))
    end

    def write_all
      while (line = @outgoing.pop)
        lines = +line
        lines << @outgoing.pop(true) while !@outgoing.empty? && lines.bytesize < 65_536
        @socket.write(lines)
      end
    rescue IOError, SystemCallError, ThreadError
      nil # the node is gone: the reader ends, too
    end
  end
end
