package motia

import (
	"context"
	"runtime"
	"runtime/debug"
	"time"
)

// The durable calls of a handler that a queue drives: each is done once in the life of its run. The handler begins
// at its first line each time it goes on, and calls that were done answer at once. One that has to wait ends the
// handler's goroutine; deferred functions run.

// StepOptions says how a step is tried.
type StepOptions struct {
	// Version tells runs that began with an older meaning of the step apart.
	Version int
	// Key tells steps of one name apart that are under way at once.
	Key string
	// Retries is how often it is tried again before it fails for good; 0 = a failure is the handler's.
	Retries int
	// Delay is the wait before the first retry; it doubles. One second without it.
	Delay   time.Duration
	Timeout time.Duration
}

// WaitOptions says what is waited for, and for how long.
type WaitOptions struct {
	// Match has fields of the payload and what they equal; a dot leads into an object.
	Match   map[string]any
	Timeout time.Duration
	// Key tells waits for one topic apart that are under way at once.
	Key string
}

// RunID is the id of the run: that of its message, the same over all attempts.
func (c *Context) RunID() string { return c.MessageID }

// Step gives what work gives, as JSON gives it back. The context that work gets is done when its time is up. Without
// retries an error of work is given as it is; with them the last one comes as an *Error, workflow.step_failed.
func (c *Context) Step(
	name string, work func(ctx context.Context) (any, error), options ...StepOptions,
) (any, error) {
	call := map[string]any{"op": "step", "name": name}
	for _, option := range options {
		put(call, "version", option.Version)
		put(call, "key", option.Key)
		put(call, "retries", option.Retries)
		put(call, "delay_s", option.Delay.Seconds())
		put(call, "timeout_s", option.Timeout.Seconds())
	}
	var failure error
	value, err := c.durable("context.workflow", map[string]any{"call": call}, func(ctx context.Context) (any, error) {
		var value any
		value, failure = c.guardedWork(ctx, work)
		if failure == nil {
			value, failure = wire(value, "workflow step '"+name+"': $", 0, nil)
		}
		return value, failure
	})
	if refusal, ok := err.(*Error); ok && failure != nil && refusal.Code != "workflow.step_failed" {
		return nil, failure
	}
	return value, err
}

// Sleep waits; from two seconds on the run holds no memory meanwhile.
func (c *Context) Sleep(duration time.Duration) error {
	_, err := c.wait(map[string]any{"op": "sleep", "for_s": duration.Seconds()})
	return err
}

// SleepUntil waits for a point in time.
func (c *Context) SleepUntil(when time.Time) error {
	_, err := c.wait(map[string]any{"op": "sleep_until", "at_ms": when.UnixMilli()})
	return err
}

// WaitFor gives the payload of the first event of the topic that matches.
func (c *Context) WaitFor(topic string, options ...WaitOptions) (any, error) {
	call := map[string]any{"op": "wait", "topic": topic}
	for _, option := range options {
		match, err := wire(option.Match, "$", 0, nil)
		if err != nil {
			return nil, err
		}
		if len(option.Match) > 0 {
			call["match"] = match
		}
		put(call, "timeout_s", option.Timeout.Seconds())
		put(call, "key", option.Key)
	}
	return c.wait(call)
}

// WaitForSignal gives the data of a signal that is sent to this run.
func (c *Context) WaitForSignal(name string, options ...WaitOptions) (any, error) {
	call := map[string]any{"op": "wait_for_signal", "name": name}
	for _, option := range options {
		put(call, "timeout_s", option.Timeout.Seconds())
	}
	return c.wait(call)
}

// SendSignal sends a signal to a run, which may come to wait for it later.
func (c *Context) SendSignal(runID, name string, data any) error {
	given, err := wire(data, "$", 0, nil)
	if err != nil {
		return err
	}
	_, err = c.write(map[string]any{"op": "signal", "run_id": runID, "name": name, "data": given})
	return err
}

// Call waits for what another step returns: durably where a queue drives the handler. Calls of one step that are
// under way at once need a key each.
func (c *Context) Call(step string, data any, key ...string) (any, error) {
	given, err := wire(data, "$", 0, nil)
	if err != nil {
		return nil, err
	}
	params := map[string]any{"step": step, "data": given}
	for _, one := range key {
		put(params, "key", one)
	}
	return c.durable("context.call", params, nil)
}

func (c *Context) wait(call map[string]any) (any, error) {
	return c.durable("context.workflow", map[string]any{"call": call}, nil)
}

// durable gives the value of a call, and ends this goroutine where nothing more comes of it.
func (c *Context) durable(method string, params map[string]any, work stepWork) (any, error) {
	if c.suspended.Load() {
		runtime.Goexit()
	}
	params["invocation"] = c.invocation
	found, err := c.connection.ask(method, params, work)
	if err != nil {
		return nil, err
	}
	if found["suspended"] == true {
		c.suspended.Store(true)
		runtime.Goexit()
	}
	return found["value"], nil
}

// guardedWork runs the function of a step; a panic is its error.
func (c *Context) guardedWork(ctx context.Context, work stepWork) (value any, err error) {
	defer func() {
		if thrown := recover(); thrown != nil {
			err = &panicked{thrown, ownStack(string(debug.Stack()), c.connection.projectDir)}
		}
	}()
	return work(ctx)
}

// put sets a member that is not its type's zero value.
func put[T comparable](members map[string]any, name string, value T) {
	var zero T
	if value != zero {
		members[name] = value
	}
}
