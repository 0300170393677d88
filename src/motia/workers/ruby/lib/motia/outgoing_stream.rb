# frozen_string_literal: true

module Motia
  # Items of an Enumerator, sent as the node gives credit.
  class OutgoingStream
    # An item takes one credit, and one more for each so many bytes of it.
    CREDIT_BYTES = 16 * 1024

    attr_reader :number

    def initialize(connection, items)
      @connection = connection
      @items = items
      @number = connection.next_stream
      @credit = connection.limits["stream_items"]
      @closed = false
      @mutex = Mutex.new
      @changed = ConditionVariable.new
      connection.streams[@number] = self
    end

    def add_credit(items)
      @mutex.synchronize do
        @credit += items
        @changed.signal
      end
    end

    # The node wants no more.
    def close
      @mutex.synchronize do
        @closed = true
        @changed.signal
      end
    end

    # Send all items, in the thread of the handler.
    def run(project_dir)
      @items.each do |item|
        wire = Values.dump(item)
        credit = 1 + ((wire.is_a?(String) ? wire : JSON.generate(wire)).bytesize / CREDIT_BYTES)
        return unless wait_for_credit(credit)

        chunk = { "stream" => @number, "items" => [wire] }
        chunk["credit"] = credit if credit > 1
        @connection.note("chunk", chunk)
      end
      @connection.note("end", { "stream" => @number }) unless @closed
    rescue Exception => error # what the author's generator raises ends the stream
      @connection.note("end", { "stream" => @number, "error" => ErrorObject.of(error, project_dir) }) unless @closed
    ensure
      @connection.streams.delete(@number)
    end

    private

    def wait_for_credit(cost)
      @mutex.synchronize do
        @changed.wait(@mutex) until @credit.positive? || @closed
        @credit -= cost
        !@closed
      end
    end
  end
end
