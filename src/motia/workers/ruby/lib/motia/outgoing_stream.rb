# frozen_string_literal: true

module Motia
  # Items of an Enumerator, sent as the node gives credit.
  class OutgoingStream
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
        return unless wait_for_credit

        @connection.note("chunk", { "stream" => @number, "items" => [Values.dump(item)] })
      end
      @connection.note("end", { "stream" => @number }) unless @closed
    rescue Exception => error # what the author's generator raises ends the stream
      @connection.note("end", { "stream" => @number, "error" => ErrorObject.of(error, project_dir) }) unless @closed
    ensure
      @connection.streams.delete(@number)
    end

    private

    def wait_for_credit
      @mutex.synchronize do
        @changed.wait(@mutex) while @credit.zero? && !@closed
        @credit -= 1
        !@closed
      end
    end
  end
end
