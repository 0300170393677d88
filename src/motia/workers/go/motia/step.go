// Package motia is what step files of Go projects import: Step, Context, and errors that mean something to
// the engine. It uses the standard library alone.
package motia

import (
	"fmt"
	"runtime"
	"runtime/debug"
	"sync"
)

// Config is a step's config, as in every other language: name, type or triggers, and the rest.
// A value that is a function of type func(*Context, any) (any, error) becomes a handle.
type Config map[string]any

// Handler runs for each request, message or tick. The input of a request is a *Request.
type Handler func(ctx *Context, input any) (any, error)

type declared struct {
	file    string
	line    int
	config  Config
	handler Handler
	stream  bool
}

var (
	registering sync.Mutex
	registered  []declared
	functions   = map[string]Handler{}
	// By handle, where a step's function is declared: file and line.
	places = map[string]string{}
)

// Step declares a step. Call it in the file's init function.
func Step(config Config, handler Handler) {
	register(config, handler, false)
}

// Stream declares a realtime stream. Call it in the file's init function.
func Stream(config Config) {
	register(config, nil, true)
}

func register(config Config, handler Handler, stream bool) {
	_, file, line, _ := runtime.Caller(2)
	registering.Lock()
	defer registering.Unlock()
	registered = append(registered, declared{file, line, config, handler, stream})
}

// Error is an error with a stable code, for instance of the engine.
type Error struct {
	Code      string
	Message   string
	Hint      string
	Retryable bool
}

func (e *Error) Error() string { return e.Message }

// placedError remembers where it was made.
type placedError struct {
	error
	stack string
}

func (e *placedError) Unwrap() error { return e.error }

// Errorf is fmt.Errorf, and remembers where it was called: what Go's own errors do not.
func Errorf(format string, values ...any) error {
	return &placedError{fmt.Errorf(format, values...), string(debug.Stack())}
}

// HTTPError refuses a request: return it as the error of a handler.
type HTTPError struct {
	Status  int
	Detail  any
	Headers map[string]string
}

func (e *HTTPError) Error() string {
	if text, ok := e.Detail.(string); ok {
		return text
	}
	return "the handler refused the request"
}

// Retry, returned as a value, asks for another attempt. DelayS nil: as the policy says.
type Retry struct {
	DelayS *float64
	Reason string
}

// Snooze asks for another attempt that charges none.
type Snooze struct {
	DelayS float64
	Reason string
}

// Cancel gives the message up.
type Cancel struct{ Reason string }

// Response is a whole HTTP response. Body may be a value, []byte, or a <-chan any that streams.
type Response struct {
	Status  int
	Body    any
	Headers map[string]string
}

// Request is the input of an HTTP step.
type Request struct {
	Method      string            `json:"method"`
	Path        string            `json:"path"`
	Route       string            `json:"route"`
	PathParams  map[string]string `json:"path_params"`
	QueryParams map[string]any    `json:"query_params"`
	Headers     map[string]string `json:"headers"`
	Body        any               `json:"body"`
	RawBody     any               `json:"raw_body"`
	Client      string            `json:"client"`
}

// Fields gives the body as an object; nil where it is none.
func (r *Request) Fields() map[string]any {
	fields, _ := r.Body.(map[string]any)
	return fields
}
