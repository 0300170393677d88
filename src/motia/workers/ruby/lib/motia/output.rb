# frozen_string_literal: true

module Motia
  # Stands in for $stdout and $stderr: what a step prints is a log of that step, line by line.
  class Output
    KEY = :motia_output

    def initialize(level, fallback)
      @level = level
      @fallback = fallback
    end

    # Whatever the block prints belongs to the invocation.
    def self.of(connection, invocation)
      Thread.current.thread_variable_set(KEY, { connection: connection, invocation: invocation, rest: {} })
      yield
    ensure
      flush_rest
      Thread.current.thread_variable_set(KEY, nil)
    end

    def self.flush_rest
      held = Thread.current.thread_variable_get(KEY)
      held[:rest].each { |level, text| log(held, level, text) unless text.empty? }
    end

    def self.log(held, level, line)
      params = { "invocation" => held[:invocation], "level" => level, "message" => Values.readable(line) }
      held[:connection].note("log", params)
    end

    def write(*texts)
      held = Thread.current.thread_variable_get(KEY)
      return @fallback.write(*texts) unless held

      # As bytes: a character may come in two writes.
      text = (held[:rest].delete(@level) || "".b) + texts.map { |one| one.to_s.b }.join
      *lines, rest = text.split("\n", -1)
      lines.each { |line| Output.log(held, @level, line) }
      held[:rest][@level] = rest unless rest.empty?
      texts.sum { |one| one.to_s.bytesize }
    end

    def <<(text)
      write(text)
      self
    end

    def print(*texts)
      write(*texts)
      nil
    end

    def puts(*items)
      return write("\n") && nil if items.empty?

      items.flatten.each { |item| write(item.to_s.end_with?("\n") ? item.to_s : "#{item}\n") }
      nil
    end

    def printf(format, *values)
      write(format(format, *values))
      nil
    end

    def flush
      self
    end

    def sync
      true
    end

    def sync=(value); end

    def tty?
      false
    end
    alias isatty tty?

    def fileno
      @fallback.fileno
    end
  end
end
