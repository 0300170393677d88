# frozen_string_literal: true

require "socket"
require "motia/errors"
require "motia/values"
require "motia/outbox"
require "motia/connection"
require "motia/workflow"
require "motia/context"
require "motia/output"
require "motia/outgoing_stream"
require "motia/project"
require "motia/invocation"

module Motia
  # Accepts nodes and serves each: one thread reads, a pool of threads runs steps.
  class Worker
    PROTOCOL = 1
    THREADS = 100

    # Serve until standard input ends: then whoever started this process is gone.
    def self.run(descriptor)
      $stdout = Output.new("info", $stdout)
      $stderr = Output.new("error", $stderr)
      Thread.new do
        $stdin.read
        Process.exit!(0)
      end
      new(UNIXServer.for_fd(descriptor)).serve
    end

    def initialize(server)
      @server = server
      @project = Project.new
      @work = Thread::Queue.new
      @idle = 0
      @threads = 0
      @mutex = Mutex.new
      @connections = []
    end

    def serve
      loop do
        socket = @server.accept
        Thread.new { serve_connection(Connection.new(socket)) }
      end
    end

    private

    def serve_connection(connection)
      @mutex.synchronize { @connections << connection }
      connection.each_message { |message| take(connection, message) }
    rescue ProtocolError => error
      warn "a node sent what is no message: #{error.message}"
    rescue IOError, SystemCallError
      nil # the node is gone
    ensure
      @mutex.synchronize { @connections.delete(connection) }
      connection.invocations.values.each(&:cancel)
      connection.close
    end

    def take(connection, message)
      return connection.answered(message) unless message.key?("method")

      params = message["params"] || Record.new
      raise ProtocolError, "expected params" unless params.is_a?(Hash)
      return noted(connection, message["method"], params) unless message.key?("id")
      raise ProtocolError, "expected a number as id" unless message["id"].is_a?(Integer)

      called(connection, message["id"], message["method"], params)
    end

    def called(connection, number, method, params)
      case method
      when "invoke", "call" then start(connection, number, method, params)
      when "run" then connection.run({ "id" => number, "method" => method, "params" => params })
      when "initialize" then connection.reply(number, greeting(connection, params))
      when "load" then Thread.new { load(connection, number, params) }
      when "shutdown" then Thread.new { shut_down(connection, number, params) }
      else connection.refuse(number, -32_601, "expected a method of the protocol, got #{method.inspect}")
      end
    end

    def greeting(connection, params)
      connection.limits = params["limits"]
      @project_dir = params["project_dir"]
      unless connection.greeted
        connection.greeted = true
        beat(connection, params["limits"]["heartbeat_s"])
      end
      { "protocol" => PROTOCOL, "language" => "ruby", "runtime" => { "name" => "ruby", "version" => RUBY_VERSION },
        "pid" => Process.pid, "capabilities" => { "integers" => "any", "concurrency" => THREADS, "workflow" => true } }
    end

    def beat(connection, every_s)
      Thread.new do
        loop do
          connection.note("heartbeat", {})
          sleep(every_s)
        end
      end
    end

    def load(connection, number, params)
      connection.reply(number, @project.load(params["project_dir"], params["files"]))
    rescue StandardError => error
      connection.refuse(number, -32_602, "load: #{error.message}")
    end

    def noted(connection, method, params)
      case method
      when "cancel"
        connection.invocations[params["id"]]&.cancel
        connection.stop_run(params["id"])
      when "credit"
        params["parts"] ? connection.add_credit(params["parts"]) : connection.streams[params["stream"]]&.add_credit(params["items"])
      when "close" then connection.streams[params["stream"]]&.close
      end
    end

    def start(connection, number, method, params)
      return connection.refuse(number, -32_000, "the worker is stopping", { "code" => "worker.stopping" }) if @stopping

      invocation = Invocation.new(connection, @project, number, params)
      connection.invocations[number] = invocation
      @work.push([invocation, method])
      grow
    end

    # Threads are made as they are needed, and kept.
    def grow
      @mutex.synchronize do
        return if @work.size <= @work.num_waiting || @threads >= THREADS

        @threads += 1
      end
      Thread.new { work }
    end

    def work
      Thread.handle_interrupt(Cancelled => :never) do
        while (item = @work.pop)
          invocation, method = item
          invocation.run(method, @project_dir)
        end
      end
    end

    def shut_down(connection, number, params)
      @stopping = true
      limit = Process.clock_gettime(Process::CLOCK_MONOTONIC) + params["grace_s"]
      until @mutex.synchronize { @connections.all? { |one| one.invocations.empty? } }
        break if Process.clock_gettime(Process::CLOCK_MONOTONIC) > limit

        sleep(0.02)
      end
      connection.reply(number, {})
      sleep(0.05)
      Process.exit!(0)
    end
  end
end
