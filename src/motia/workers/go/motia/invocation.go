package motia

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"path/filepath"
	"runtime/debug"
	"strings"
	"sync"
	"sync/atomic"
)

type invokeParams struct {
	Function   string          `json:"function"`
	Input      json.RawMessage `json:"input"`
	Request    json.RawMessage `json:"request"`
	Context    json.RawMessage `json:"context"`
	Auth       string          `json:"auth"`
	Condition  string          `json:"condition"`
	Middleware []string        `json:"middleware"`

	Arguments []json.RawMessage `json:"arguments"`
}

// Next runs what is further in; middleware is a Handler whose context carries it: see NextOf.
type Next func(input any) (any, error)

type nextKey struct{}

// NextOf gives what a middleware calls to go on.
func NextOf(ctx *Context) Next {
	next, _ := ctx.Value(nextKey{}).(Next)
	return next
}

// outgoing is a stream of a result: sent as the node gives credit.
type outgoing struct {
	items  <-chan any
	credit atomic.Int64
	// more wakes the sender where credit came.
	more   chan struct{}
	closed chan struct{}
	once   sync.Once
}

// An item takes one credit, and one more for each so many bytes of it.
const creditBytes = 16 * 1024

func (s *outgoing) addCredit(items int64) {
	s.credit.Add(items)
	select {
	case s.more <- struct{}{}:
	default:
	}
}

// waitForCredit tells whether the node wants another item.
func (s *outgoing) waitForCredit(gone <-chan struct{}) bool {
	for {
		select {
		case <-s.closed:
			return false
		case <-gone:
			return false
		default:
		}
		if s.credit.Load() > 0 {
			return true
		}
		select {
		case <-s.closed:
		case <-gone:
		case <-s.more:
		}
	}
}

func (c *connection) open(items <-chan any) int {
	c.mutex.Lock()
	defer c.mutex.Unlock()
	c.last++
	stream := &outgoing{items: items, more: make(chan struct{}, 1), closed: make(chan struct{})}
	stream.credit.Store(int64(c.limits.StreamItems))
	c.streams[c.last] = stream
	return c.last
}

func (c *connection) pour(number int) {
	c.mutex.Lock()
	stream := c.streams[number]
	c.mutex.Unlock()
	defer func() {
		c.mutex.Lock()
		delete(c.streams, number)
		c.mutex.Unlock()
	}()
	for item := range stream.items {
		if !stream.waitForCredit(c.closed) {
			return
		}
		value, err := wire(item, "$", 0, nil)
		if err != nil {
			c.note("end", map[string]any{"stream": number, "error": errorObject(err, "")})
			return
		}
		chunk := map[string]any{"stream": number, "items": []any{value}}
		text, _ := encode(value)
		cost := 1 + int64(len(text)-2)/creditBytes
		stream.credit.Add(-cost)
		if cost > 1 {
			chunk["credit"] = cost
		}
		c.note("chunk", chunk)
	}
	c.note("end", map[string]any{"stream": number})
}

// run answers one invoke or call. A panic is an error of the author's.
func (w *worker) run(c *connection, id int64, method string, raw json.RawMessage) {
	ctx, stop := context.WithCancel(context.Background())
	made := &Context{Context: ctx, connection: c, invocation: id, stop: stop}
	made.State, made.Log, made.suspended = State{made}, Log{made}, &atomic.Bool{}
	c.mutex.Lock()
	c.running[id] = made
	c.mutex.Unlock()
	w.running.Add(1)
	w.alone.begin(made)
	go func() {
		var streams []int
		var result map[string]any
		err := error(&Error{Code: "handler.raised", Message: "the handler ended its goroutine"})
		// Deferred: a handler that has to wait ends its goroutine.
		defer func() {
			defer w.running.Add(-1)
			w.alone.end(made)
			if made.suspended.Load() {
				result, err = map[string]any{"outcome": "suspended"}, nil
			}
			if err != nil {
				c.refuse(id, placed(errorObject(err, w.projectDir), made.place))
			} else {
				c.reply(id, result)
			}
			for _, number := range streams {
				c.pour(number)
			}
			stop()
			c.mutex.Lock()
			delete(c.running, id)
			c.mutex.Unlock()
		}()
		result, err = w.guarded(made, method, raw, func(items <-chan any) int {
			streams = append(streams, c.open(items))
			return streams[len(streams)-1]
		})
	}()
}

type panicked struct {
	value any
	stack string
}

func (p *panicked) Error() string { return fmt.Sprint(p.value) }

func (w *worker) guarded(
	ctx *Context, method string, raw json.RawMessage, stream func(<-chan any) int,
) (result map[string]any, err error) {
	defer func() {
		if value := recover(); value != nil {
			err = &panicked{value, ownStack(string(debug.Stack()), w.projectDir)}
		}
	}()
	var params invokeParams
	if err := decode(raw, &params); err != nil {
		return nil, err
	}
	if len(params.Context) > 0 {
		if err := json.Unmarshal(params.Context, ctx); err != nil {
			return nil, err
		}
	}
	ctx.place = places[params.Function]
	if method == "call" {
		return w.called(ctx, params)
	}
	input, err := inputOf(params)
	if err != nil {
		return nil, err
	}
	if params.Auth != "" {
		if ctx.User, err = w.apply(params.Auth, ctx, input); err != nil {
			return nil, err
		}
		if ctx.User == nil {
			return nil, &Error{Code: "access.unauthenticated", Message: "auth: expected who calls, got nobody"}
		}
		if ctx.User == false {
			return nil, &Error{Code: "access.denied", Message: "auth: expected a caller who may do this"}
		}
	}
	if params.Condition != "" {
		holds, err := w.apply(params.Condition, ctx, input)
		if err != nil {
			return nil, err
		}
		if holds != true {
			return map[string]any{"outcome": "cancelled", "reason": "condition not met"}, nil
		}
	}
	value, err := w.onion(params.Middleware, params.Function, ctx, input)
	if err != nil {
		return nil, err
	}
	if limit := ctx.connection.limits.MessageBytes; leastBytes(value, 0) > limit {
		return nil, tooLarge(value, limit)
	}
	return outcome(value, stream)
}

func inputOf(params invokeParams) (any, error) {
	if len(params.Request) > 0 {
		return requestOf(params.Request)
	}
	return valueOf(params.Input)
}

func requestOf(text json.RawMessage) (any, error) {
	var request Request
	if err := decode(text, &request); err != nil {
		return nil, err
	}
	request.Body, request.RawBody = unwire(request.Body), unwire(request.RawBody)
	if request.RawBody == nil {
		// Left out where the body is what came.
		switch request.Body.(type) {
		case string, []byte:
			request.RawBody = request.Body
		}
	}
	return &request, nil
}

func valueOf(text json.RawMessage) (any, error) {
	var value any
	if len(text) > 0 {
		if err := decode(text, &value); err != nil {
			return nil, err
		}
	}
	return unwire(value), nil
}

// argumentOf is the first argument of a call: a request where it looks like one.
func argumentOf(arguments []json.RawMessage) (any, error) {
	if len(arguments) == 0 {
		return nil, nil
	}
	value, err := valueOf(arguments[0])
	if members, ok := value.(map[string]any); ok && members["path_params"] != nil {
		return requestOf(arguments[0])
	}
	return value, err
}

func (w *worker) called(ctx *Context, params invokeParams) (map[string]any, error) {
	input, err := argumentOf(params.Arguments)
	if err != nil {
		return nil, err
	}
	found, err := w.apply(params.Function, ctx, input)
	if err != nil {
		return nil, err
	}
	value, err := wire(found, "$", 0, nil)
	return map[string]any{"value": value}, err
}

func (w *worker) apply(handle string, ctx *Context, input any) (any, error) {
	function, ok := functions[handle]
	if !ok {
		return nil, &Error{Code: "function.unknown", Message: "expected a function that was loaded, got " + handle}
	}
	return function(ctx, input)
}

func (w *worker) onion(middleware []string, handler string, ctx *Context, input any) (any, error) {
	if len(middleware) == 0 {
		return w.apply(handler, ctx, input)
	}
	inner := *ctx
	inner.Context = context.WithValue(ctx.Context, nextKey{}, Next(func(replaced any) (any, error) {
		return w.onion(middleware[1:], handler, ctx, replaced)
	}))
	return w.apply(middleware[0], &inner, input)
}

func outcome(value any, stream func(<-chan any) int) (map[string]any, error) {
	switch found := value.(type) {
	case Retry:
		made := map[string]any{"outcome": "retry", "reason": found.Reason, "delay_s": nil}
		if found.DelayS != nil {
			made["delay_s"] = *found.DelayS
		}
		return made, nil
	case Snooze:
		return map[string]any{"outcome": "snooze", "delay_s": found.DelayS, "reason": found.Reason}, nil
	case Cancel:
		return map[string]any{"outcome": "cancelled", "reason": found.Reason}, nil
	}
	made, err := wire(value, "$", 0, stream)
	return map[string]any{"value": made}, err
}

func errorObject(err error, projectDir string) *callError {
	data := map[string]any{"code": "handler.raised", "type": strings.TrimPrefix(fmt.Sprintf("%T", err), "*")}
	var ours *Error
	var stated *HTTPError
	var panic *panicked
	var made *placedError
	switch {
	case errors.As(err, &ours):
		if ours.Code != "" {
			data["code"] = ours.Code
		}
		if ours.Hint != "" {
			data["hint"] = ours.Hint
		}
		data["retryable"] = ours.Retryable
	case errors.As(err, &stated):
		data["code"], data["status"], data["detail"] = "http.error", stated.Status, stated.Detail
		if stated.Headers != nil {
			data["headers"] = stated.Headers
		}
	case errors.As(err, &panic):
		data["type"], data["stack"] = "panic", panic.stack
	case errors.As(err, &made):
		data["type"] = strings.TrimPrefix(fmt.Sprintf("%T", made.error), "*")
		data["stack"] = ownStack(made.stack, projectDir)
	}
	return &callError{-32000, err.Error(), data}
}

// placed adds where the handler is declared to an error that says nothing of where it comes from.
func placed(object *callError, place string) *callError {
	if _, has := object.Data["stack"]; !has && place != "" {
		object.Data["stack"] = "    at " + place + " in the handler that returned it"
	}
	return object
}

// ownStack keeps the frames of the author's files, with paths relative to the project.
func ownStack(stack, projectDir string) string {
	var kept []string
	lines := strings.Split(stack, "\n")
	for index := 1; index < len(lines); index++ {
		place := strings.TrimSpace(lines[index])
		if path, ok := sourceOf(place, projectDir); ok {
			kept = append(kept, "    at "+strings.Fields(path)[0]+" in "+filepath.Base(lines[index-1]))
		}
	}
	return strings.Join(kept, "\n")
}

func sourceOf(file, projectDir string) (string, bool) {
	return strings.CutPrefix(file, projectDir+"/")
}
