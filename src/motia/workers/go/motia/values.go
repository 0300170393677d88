package motia

import (
	"bytes"
	"encoding"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"math"
	"math/big"
	"reflect"
	"regexp"
	"strconv"
	"time"
	"unicode/utf8"
)

const maxDepth = 64

// wire gives the value as JSON can carry it. stream takes what yields items, and gives its number.
func wire(value any, path string, depth int, stream func(<-chan any) int) (any, error) {
	if depth > maxDepth {
		return nil, refused(path, fmt.Sprintf("at most %d levels", maxDepth), "a deeper value")
	}
	switch found := value.(type) {
	case nil, bool, int, int8, int16, int32, int64, uint, uint8, uint16, uint32, uint64:
		return found, nil
	case json.Number:
		if _, whole := new(big.Int).SetString(found.String(), 10); whole && !isExact(found) {
			return nil, refused(path, "an integer of at most 64 bits", "a larger one")
		}
		return found, nil
	case float64:
		if math.IsNaN(found) || math.IsInf(found, 0) {
			return nil, refused(path, "a finite number", fmt.Sprint(found))
		}
		return found, nil
	case string:
		if !utf8.ValidString(found) {
			return nil, refused(path, "text that UTF-8 can carry", "other bytes")
		}
		return found, nil
	case []byte:
		return map[string]any{"$bytes": base64.StdEncoding.EncodeToString(found)}, nil
	case json.RawMessage:
		var meant any
		if err := decode(found, &meant); err != nil {
			return nil, refused(path, "JSON", err.Error())
		}
		return wire(meant, path, depth, stream)
	case time.Time:
		return found.UTC().Format(time.RFC3339Nano), nil
	case <-chan any:
		return streamed(found, path, stream)
	case chan any:
		return streamed(found, path, stream)
	case Response:
		return wire(asMap(found), path, depth, stream)
	case *Response:
		return wire(asMap(*found), path, depth, stream)
	case json.Marshaler, encoding.TextMarshaler:
		return marshaled(value, path, depth, stream)
	case error:
		return nil, refused(path, "a value that JSON can carry", fmt.Sprintf("a %T (write its Error())", value))
	}
	return wireReflected(reflect.ValueOf(value), path, depth, stream)
}

func streamed(items <-chan any, path string, stream func(<-chan any) int) (any, error) {
	if stream == nil {
		return nil, refused(path, "a value", "a channel; only answers to requests can stream")
	}
	return map[string]any{"$stream": stream(items)}, nil
}

func asMap(response Response) map[string]any {
	made := map[string]any{"status": response.Status, "body": response.Body}
	if response.Headers != nil {
		made["headers"] = response.Headers
	}
	return made
}

func wireReflected(value reflect.Value, path string, depth int, stream func(<-chan any) int) (any, error) {
	if marshaler, ok := value.Interface().(json.Marshaler); ok && (value.Kind() != reflect.Pointer || !value.IsNil()) {
		text, err := json.Marshal(marshaler)
		if err != nil {
			return nil, refused(path, "a value that JSON can carry", err.Error())
		}
		return wire(json.RawMessage(text), path, depth, stream)
	}
	switch value.Kind() {
	case reflect.Map:
		if value.IsNil() {
			return nil, nil
		}
		made := make(map[string]any, value.Len())
		for _, key := range value.MapKeys() {
			name := fmt.Sprint(key.Interface())
			item, err := wire(value.MapIndex(key).Interface(), path+"."+name, depth+1, stream)
			if err != nil {
				return nil, err
			}
			made[name] = item
		}
		return escaped(made), nil
	case reflect.Slice, reflect.Array:
		made := make([]any, value.Len())
		for index := range made {
			item, err := wire(value.Index(index).Interface(), fmt.Sprintf("%s[%d]", path, index), depth+1, stream)
			if err != nil {
				return nil, err
			}
			made[index] = item
		}
		return made, nil
	case reflect.Pointer, reflect.Interface:
		if value.IsNil() {
			return nil, nil
		}
		return wire(value.Elem().Interface(), path, depth+1, stream)
	case reflect.Float32:
		return wire(value.Float(), path, depth, stream)
	case reflect.Func, reflect.Chan, reflect.Complex64, reflect.Complex128, reflect.UnsafePointer:
		return nil, refused(path, "a value that JSON can carry", value.Type().String())
	}
	return marshaled(value.Interface(), path, depth, stream)
}

func marshaled(value any, path string, depth int, stream func(<-chan any) int) (any, error) {
	text, err := json.Marshal(value)
	if err != nil {
		return nil, refused(path, "a value that JSON can carry", fmt.Sprintf("%T", value))
	}
	if longNumber.Match(text) {
		return wire(json.RawMessage(text), path, depth, stream)
	}
	return json.RawMessage(text), nil
}

// longNumber finds what may be an integer of more than 64 bits.
var longNumber = regexp.MustCompile(`[0-9]{19}`)

// isExact tells whether 64 bits hold an integer.
func isExact(number json.Number) bool {
	_, signed := strconv.ParseInt(number.String(), 10, 64)
	_, unsigned := strconv.ParseUint(number.String(), 10, 64)
	return signed == nil || unsigned == nil
}

func escaped(made map[string]any) any {
	if len(made) == 1 {
		for _, key := range []string{"$bytes", "$stream", "$literal"} {
			if _, ok := made[key]; ok {
				return map[string]any{"$literal": made}
			}
		}
	}
	return made
}

// unwire gives the value that was meant. Whole numbers become int64, or uint64 where that is too small, others
// float64.
func unwire(value any) any {
	switch found := value.(type) {
	case json.Number:
		if whole, err := found.Int64(); err == nil {
			return whole
		}
		if whole, err := strconv.ParseUint(found.String(), 10, 64); err == nil {
			return whole
		}
		number, _ := found.Float64()
		return number
	case []any:
		for index := range found {
			found[index] = unwire(found[index])
		}
	case map[string]any:
		if len(found) == 1 {
			if text, ok := found["$bytes"].(string); ok {
				if decoded, err := base64.StdEncoding.DecodeString(text); err == nil {
					return decoded
				}
			}
			if inner, ok := found["$literal"].(map[string]any); ok {
				found = inner
			}
		}
		for key := range found {
			found[key] = unwire(found[key])
		}
		return found
	}
	return value
}

func decode(text []byte, into any) error {
	decoder := json.NewDecoder(bytes.NewReader(text))
	decoder.UseNumber()
	return decoder.Decode(into)
}

// tooLarge is the error for a value whose text is too long: it names the largest member.
func tooLarge(value any, limit int) *Error {
	path, bytes := largest(value, "$", leastBytes(value, 0))
	text := fmt.Sprintf("%s: expected at most %d bytes, got %d in its largest member", path, limit, bytes)
	hint := "stream the body of a response, or pass where large data is kept"
	return &Error{Code: "result.too_large", Message: text, Hint: hint}
}

// largest goes down to where no member is most of the value.
func largest(value any, path string, bytes int) (string, int) {
	at, most := "", 0
	var found any
	look := func(place string, item any) {
		if size := leastBytes(item, 0); size > most {
			at, most, found = place, size, item
		}
	}
	switch value := value.(type) {
	case Response:
		look(path+".body", value.Body)
	case map[string]any:
		for key, item := range value {
			look(path+"."+key, item)
		}
	case []any:
		for index, item := range value {
			look(fmt.Sprintf("%s[%d]", path, index), item)
		}
	}
	if most*2 > bytes {
		return largest(found, at, most)
	}
	return path, bytes
}

// leastBytes is what the text of a value takes at least, as far as that is seen without making it.
func leastBytes(value any, depth int) int {
	if depth > maxDepth {
		return 1
	}
	bytes := 2
	switch found := value.(type) {
	case string:
		return len(found) + 2
	case []byte:
		return base64.StdEncoding.EncodedLen(len(found))
	case Response:
		return leastBytes(found.Body, depth+1)
	case *Response:
		return leastBytes(found.Body, depth+1)
	case map[string]any:
		for key, item := range found {
			bytes += len(key) + 4 + leastBytes(item, depth+1)
		}
	case []any:
		for _, item := range found {
			bytes += 1 + leastBytes(item, depth+1)
		}
	}
	return bytes
}

func refused(path, expected, got string) *Error {
	return &Error{Code: "value.not_json", Message: fmt.Sprintf("%s: expected %s, got %s", path, expected, got)}
}
