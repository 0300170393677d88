package motia

import (
	"context"
	"fmt"
	"sync/atomic"
)

// Context is one execution as its handler sees it. It is a context.Context: Done is closed when the handler
// should stop.
type Context struct {
	context.Context
	TraceID   string         `json:"trace_id"`
	SpanID    string         `json:"span_id"`
	StepName  string         `json:"step"`
	Flows     []string       `json:"flows"`
	Attempt   int            `json:"attempt"`
	MessageID string         `json:"message_id"`
	Trigger   map[string]any `json:"trigger"`
	User      any            `json:"user"`

	State      State `json:"-"`
	Log        Log   `json:"-"`
	connection *connection
	invocation int64
	stop       context.CancelFunc
	// place is where the handler is declared.
	place string
	// suspended is set by the first durable call that nothing more comes of.
	suspended *atomic.Bool
}

// Traceparent is the header of W3C Trace Context with which another service continues this trace.
func (c *Context) Traceparent() string {
	return "00-" + c.TraceID + "-" + c.SpanID + "-01"
}

func (c *Context) ask(method string, params map[string]any) (map[string]any, error) {
	params["invocation"] = c.invocation
	return c.connection.ask(method, params, nil)
}

func (c *Context) write(operation map[string]any) (any, error) {
	found, err := c.ask("context.commit", map[string]any{"operations": []any{operation}})
	if err != nil {
		return nil, err
	}
	results, _ := found["results"].([]any)
	if len(results) != 1 {
		return nil, &Error{Code: "context.refused", Message: "expected one result"}
	}
	return results[0], nil
}

func (c *Context) update(operation map[string]any, operations []Operation) (Updated, error) {
	given, err := wire(operations, "$", 0, nil)
	if err != nil {
		return Updated{}, err
	}
	operation["operations"] = given
	found, err := c.write(operation)
	members, _ := found.(map[string]any)
	version, _ := members["version"].(int64)
	return Updated{members["old"], members["new"], version}, err
}

// Atomic makes the writes of work one commit: all of them, or none where it gives an error or panics. Reads inside
// see them; what a write gives is empty there.
func (c *Context) Atomic(work func() error) error {
	if err := c.atomic("begin"); err != nil {
		return err
	}
	done := false
	defer func() {
		if !done {
			_ = c.atomic("abandon")
		}
	}()
	if err := work(); err != nil {
		return err
	}
	done = true
	return c.atomic("commit")
}

func (c *Context) atomic(action string) error {
	_, err := c.ask("context.atomic", map[string]any{"action": action})
	return err
}

// Message is a message to a topic, or to one step.
type Message struct {
	Topic  string
	Step   string
	Data   any
	Group  string
	DelayS float64
}

// Enqueue puts a message on a topic; it gives the id once the message is durable.
func (c *Context) Enqueue(topic string, data any) (string, error) {
	return c.Send(Message{Topic: topic, Data: data})
}

// TriggerStep puts a message for one step, by its id.
func (c *Context) TriggerStep(step string, data any) (string, error) {
	return c.Send(Message{Step: step, Data: data})
}

// Send puts a message with all its options.
func (c *Context) Send(message Message) (string, error) {
	data, err := wire(message.Data, "$", 0, nil)
	if err != nil {
		return "", err
	}
	made := map[string]any{"data": data}
	if message.Topic != "" {
		made["topic"] = message.Topic
	}
	if message.Step != "" {
		made["step"] = message.Step
	}
	if message.Group != "" {
		made["group"] = message.Group
	}
	if message.DelayS > 0 {
		made["delay_s"] = message.DelayS
	}
	found, err := c.write(map[string]any{"op": "enqueue", "messages": []any{made}})
	if err != nil {
		return "", err
	}
	if ids, ok := found.([]any); ok && len(ids) == 1 {
		return fmt.Sprint(ids[0]), nil
	}
	return "", &Error{Code: "context.refused", Message: "expected one id"}
}

// State is shared key-value state.
type State struct{ context *Context }

// Get gives the value; nil where there is none.
func (s State) Get(scope, key string) (any, error) {
	read := map[string]any{"op": "state.get", "scope": scope, "key": key}
	found, err := s.context.ask("context.read", map[string]any{"read": read})
	return found["value"], err
}

// Set stores a value.
func (s State) Set(scope, key string, value any) error {
	given, err := wire(value, "$", 0, nil)
	if err != nil {
		return err
	}
	_, err = s.context.write(map[string]any{"op": "state.set", "scope": scope, "key": key, "value": given})
	return err
}

// Delete removes a key and gives its last value.
func (s State) Delete(scope, key string) (any, error) {
	return s.member(map[string]any{"op": "state.delete", "scope": scope, "key": key}, "old")
}

// Operation is one part of an update: Operation{"type": "increment", "path": "views", "by": 1}. The types are set,
// merge, increment, decrement, append and remove; without a path it is the whole value that changes.
type Operation map[string]any

// Updated is what an update changed; empty inside Atomic, where nothing is known before the end.
type Updated struct {
	Old, New any
	Version  int64
}

// Update applies the operations, in order, as one atomic change.
func (s State) Update(scope, key string, operations ...Operation) (Updated, error) {
	return s.context.update(map[string]any{"op": "state.update", "scope": scope, "key": key}, operations)
}

// Increment adds to a number atomically and gives the new one.
func (s State) Increment(scope, key string, by int64) (any, error) {
	changed, err := s.Update(scope, key, Operation{"type": "increment", "path": []any{}, "by": by})
	return changed.New, err
}

// Entries gives all keys of a scope with their values.
func (s State) Entries(scope string) (map[string]any, error) {
	read := map[string]any{"op": "state.entries", "scope": scope}
	found, err := s.context.ask("context.read", map[string]any{"read": read})
	entries, _ := found["entries"].(map[string]any)
	return entries, err
}

func (s State) member(operation map[string]any, name string) (any, error) {
	found, err := s.context.write(operation)
	members, _ := found.(map[string]any)
	return members[name], err
}

// Log writes structured logs of the step.
type Log struct{ context *Context }

func (l Log) Debug(text string, data ...any) { l.line("debug", text, data) }
func (l Log) Info(text string, data ...any)  { l.line("info", text, data) }
func (l Log) Warn(text string, data ...any)  { l.line("warning", text, data) }
func (l Log) Error(text string, data ...any) { l.line("error", text, data) }

func (l Log) line(level, text string, data []any) {
	params := map[string]any{"invocation": l.context.invocation, "level": level, "message": text}
	if len(data) > 0 {
		given, err := wire(data[0], "$", 0, nil)
		if err != nil {
			given = fmt.Sprint(data[0])
		}
		params["data"] = given
	}
	l.context.connection.note("log", params)
}

// Print logs a line of the step, however many run: what fmt.Println writes is the step's only where it runs alone.
func (c *Context) Print(values ...any) {
	c.Log.Info(fmt.Sprint(values...))
}
