# frozen_string_literal: true

module Motia
  # The order in which messages leave: short ones at once, a long one in parts, as the node takes them in.
  class Outbox
    # `write` is called with each line, by one thread at a time.
    def initialize(limits, &write)
      @limits = limits
      @write = write
      @mutex = Mutex.new
      @credit = limits["message_parts"]
      @count = 0
      @pieces = []
      @held = []
      @lanes = {}
    end

    def limits=(limits)
      @mutex.synchronize do
        @limits = limits
        @credit = limits["message_parts"]
      end
    end

    # Send a message. What is of one lane arrives in the order it was put.
    def put(text, lane)
      @mutex.synchronize do
        place(text, lane)
        pour
      end
    end

    # The node has taken in so many parts.
    def add_credit(parts)
      @mutex.synchronize do
        @credit += parts
        pour
      end
    end

    private

    def place(text, lane)
      long = text.bytesize > @limits["frame_bytes"]
      return @write.call("#{text}\n") unless long || @lanes.key?(lane)

      @lanes[lane] = true if lane
      return @held << [text, lane] unless @pieces.empty?

      @count += 1
      # A character takes at most four bytes, also where JSON escapes it.
      step = (@limits["frame_bytes"] - 128) / 4
      @pieces = (0...text.length).step(step).map { |at| [text, at, step] }
    end

    def pour
      while @credit.positive? && !@pieces.empty?
        @credit -= 1
        text, at, step = @pieces.shift
        params = { "message" => @count, "text" => text[at, step], "last" => @pieces.empty? }
        @write.call("#{JSON.generate({ "jsonrpc" => "2.0", "method" => "part", "params" => params })}\n")
        release if @pieces.empty?
      end
    end

    # The long message is out: what waited for it goes on.
    def release
      held = @held
      @held = []
      @lanes = {}
      held.each { |text, lane| place(text, lane) }
    end
  end
end
