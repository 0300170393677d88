# frozen_string_literal: true

require "json"
require "time"
require "date"

module Motia
  # An object of a payload: `input["id"]`, `input[:id]` and `input.id` are the same.
  class Record < Hash
    def [](key)
      super(key.to_s)
    end

    def []=(key, value)
      super(key.to_s, value)
    end

    def key?(key)
      super(key.to_s)
    end
    alias has_key? key?
    alias include? key?

    def fetch(key, *rest, &block)
      super(key.to_s, *rest, &block)
    end

    def dig(key, *rest)
      found = self[key]
      rest.empty? || found.nil? ? found : found.dig(*rest)
    end

    def respond_to_missing?(name, include_private = false)
      key?(name.to_s.delete_suffix("=")) || super
    end

    def method_missing(name, *arguments)
      text = name.to_s
      return self[text.delete_suffix("=")] = arguments.first if text.end_with?("=") && arguments.size == 1
      return super unless arguments.empty?

      self[text]
    end
  end

  # A request; its parts are found in both spellings, `path_params` and `pathParams`.
  class Request < Record
    ALIASES = {
      "pathParams" => "path_params", "params" => "path_params", "queryParams" => "query_params",
      "query" => "query_params", "rawBody" => "raw_body"
    }.freeze

    def [](key)
      super(ALIASES.fetch(key.to_s, key))
    end

    def []=(key, value)
      super(ALIASES.fetch(key.to_s, key.to_s), value)
    end

    # Hash has methods of these names that mean something else.
    def method
      self["method"]
    end
  end

  # Values on the wire: JSON with escapes for bytes and streams.
  module Values
    RESERVED = %w[$bytes $stream $literal].freeze
    MAX_DEPTH = 64
    INTEGERS = (-(2**63)..(2**64 - 1))
    ESCAPED = '"$'

    module_function

    def parse(line)
      message = JSON.parse(line, object_class: Record, max_nesting: 100)
      line.include?(ESCAPED) ? restore(message) : message
    end

    def restore(value)
      case value
      when Array then value.map { |item| restore(item) }
      when Hash
        if value.size == 1 && RESERVED.include?(value.keys.first)
          key, inner = value.first
          return inner.unpack1("m0") if key == "$bytes"

          value = inner if key == "$literal"
        end
        value.each_with_object(value.class.new) { |(name, item), made| made[name] = restore(item) }
      else value
      end
    end

    # The value as JSON can carry it. `stream` is called with what yields items, and gives its number.
    def dump(value, path = "$", depth = 0, &stream)
      refuse(path, "at most #{MAX_DEPTH} levels", "a deeper value, or one that contains itself") if depth > MAX_DEPTH
      case value
      when nil, true, false then value
      when Integer
        refuse(path, "an integer of at most 64 bits", "a larger one") unless INTEGERS.cover?(value)
        value
      when Float
        refuse(path, "a finite number", value.to_s) unless value.finite?
        value
      when String then text(value, path)
      when Symbol then value.to_s
      when Array then value.each_with_index.map { |item, index| dump(item, "#{path}[#{index}]", depth + 1, &stream) }
      when Hash then object(value, path, depth, &stream)
      when Time, DateTime then value.iso8601(3)
      when Date then value.iso8601
      when Enumerator
        refuse(path, "a value", "an Enumerator; only answers to requests can stream") unless stream
        { "$stream" => stream.call(value) }
      else other(value, path, depth, &stream)
      end
    end

    def object(value, path, depth, &stream)
      made = {}
      value.each do |key, item|
        name = key.to_s
        refuse(path, "keys that UTF-8 can carry", "#{name.encoding} text that is not") unless utf8?(name)
        made[name] = dump(item, "#{path}.#{name}", depth + 1, &stream)
      end
      made.size == 1 && RESERVED.include?(made.keys.first) ? { "$literal" => made } : made
    end

    def text(value, path)
      return value if utf8?(value)
      return { "$bytes" => [value].pack("m0") } if value.encoding == Encoding::ASCII_8BIT && !value.ascii_only?

      made = value.encode(Encoding::UTF_8) # of UTF-8 the same, whatever it holds
      made.valid_encoding? ? made : raise(EncodingError)
    rescue EncodingError
      refuse(path, "text that UTF-8 can carry", "#{value.encoding} text that is not")
    end

    def utf8?(text)
      (text.encoding == Encoding::UTF_8 && text.valid_encoding?) || text.ascii_only?
    end

    def other(value, path, depth, &stream)
      return dump(value.to_h, path, depth + 1, &stream) if value.is_a?(Struct) || value.class.name == "OpenStruct"
      return value.to_s("F") if value.class.name == "BigDecimal"

      refuse(path, "a value that JSON can carry", "a #{value.class}")
    end

    # What an update changed, as every language tells it.
    def changes(written)
      return nil unless written

      Record.new.merge!("old_value" => written["old"], "new_value" => written["new"], "version" => written["version"])
    end

    # Refuses a value whose text would be too long, before that text is made. Failure: Motia::Error.
    def check_size(value, limit)
      raise too_large(value, limit) if least_bytes(value) > limit
    end

    # The error that names the largest member.
    def too_large(value, limit)
      path, bytes = largest(value)
      Error.new("#{path}: expected at most #{limit} bytes, got #{bytes} in its largest member",
                code: "result.too_large", hint: "stream the body of a response, or pass where large data is kept")
    end

    # Down to where no member is most of the value.
    def largest(value, path = "$", bytes = least_bytes(value))
      members =
        case value
        when Hash then value.map { |key, item| ["#{path}.#{key}", item, least_bytes(item)] }
        when Array then value.each_with_index.map { |item, index| ["#{path}[#{index}]", item, least_bytes(item)] }
        else []
        end
      at, item, most = members.max_by(&:last)
      most && most * 2 > bytes ? largest(item, at, most) : [path, bytes]
    end

    # What the text of a value takes at least.
    def least_bytes(value, depth = 0)
      return 1 if depth > MAX_DEPTH

      case value
      when String then value.bytesize + 2
      when Array then value.sum(2) { |item| least_bytes(item, depth + 1) + 1 }
      when Hash then value.sum(2) { |key, item| key.to_s.bytesize + 4 + least_bytes(item, depth + 1) }
      else 1
      end
    end

    # Text for a log or an error, whose bytes may be any.
    def readable(text)
      return text.encode(Encoding::UTF_8, invalid: :replace, undef: :replace) if text.encoding.dummy? || !text.encoding.ascii_compatible?

      text.dup.force_encoding(Encoding::UTF_8).scrub
    end

    def refuse(path, expected, got)
      raise Error.new("#{path}: expected #{expected}, got #{got}", code: "value.not_json")
    end
  end
end
