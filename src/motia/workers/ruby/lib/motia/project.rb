# frozen_string_literal: true

module Motia
  # The step files of a project: each is loaded once, in a module of its own.
  class Project
    def initialize
      @files = {}
      @functions = {}
      @mutex = Mutex.new
    end

    # What the files declare, in the shape of the result of `load`.
    def load(project_dir, files)
      @mutex.synchronize do
        { "files" => files.map { |path| @files[path] ||= load_file(project_dir, path) } }
      end
    end

    # The function of a handle.
    def function(handle)
      @functions.fetch(handle) do
        raise Error.new("expected a function that was loaded, got #{handle.inspect}", code: "function.unknown")
      end
    end

    private

    def load_file(project_dir, path)
      found = { "path" => path, "definitions" => [], "problems" => [] }
      holder = Module.new
      absolute = File.join(project_dir, path)
      Kernel.load(absolute, holder)
      found["definitions"] << definition(Object.new.extend(holder), holder, path)
      found
    rescue Exception => error # a step file may raise anything, also `exit`
      error = error.cause if error.is_a?(SystemExit) && error.cause
      object = ErrorObject.of(error, project_dir)
      problem = { "message" => object["message"], "type" => error.class.name, "stack" => object["data"]["stack"] }
      problem["line"] = object["data"]["line"] if object["data"]["line"]
      problem["code"] = error.code if error.is_a?(Error)
      problem["hint"] = error.hint if error.is_a?(Error) && error.hint
      found["problems"] << problem
      found
    end

    def definition(instance, holder, path)
      config = config_of(instance, holder)
      handler = method_of(instance, holder, :handler)
      made = {
        "kind" => path.match?(/[._]stream\.rb\z/) ? "stream" : "step",
        "line" => holder.method_defined?(:config) || holder.private_method_defined?(:config) ? line(holder, :config) : 1,
        "language" => "ruby",
        "config" => plain(config, "#{path}#config")
      }
      if handler
        made["handler"] = register("#{path}#handler", handler)
        made["handler_line"] = line(holder, :handler)
      end
      made
    end

    def config_of(instance, holder)
      config = method_of(instance, holder, :config)&.call
      config ||= holder.const_get(:CONFIG, false) if holder.const_defined?(:CONFIG, false)
      return config if config.is_a?(Hash)

      raise Error.new("file: expected `def config` that gives a Hash, got #{config.class}", code: "step.no_config",
                      hint: "define `def config` and `def handler(input, context)` at the top of the file")
    end

    def method_of(instance, holder, name)
      instance.method(name) if holder.method_defined?(name) || holder.private_method_defined?(name)
    end

    def line(holder, name)
      holder.instance_method(name).source_location.last
    end

    # The config as JSON can carry it: functions become handles.
    def plain(value, place)
      case value
      when Hash then value.to_h { |key, item| [key.to_s, plain(item, "#{place}.#{key}")] }
      when Array then value.each_with_index.map { |item, index| plain(item, "#{place}[#{index}]") }
      when Proc, Method then { "$function" => register(place, value) }
      else Values.dump(value, place)
      end
    end

    def register(handle, function)
      @functions[handle] = function
      handle
    end
  end
end
