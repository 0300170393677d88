package motia

import (
	"encoding/json"
	"fmt"
	"io"
	"net"
	"os"
	"path/filepath"
	"reflect"
	"runtime"
	"strconv"
	"strings"
	"sync/atomic"
	"time"
)

// Problem is a file that could not be built.
type Problem struct {
	Path    string `json:"path"`
	Line    int    `json:"line"`
	Message string `json:"message"`
}

type worker struct {
	projectDir string
	problems   map[string][]Problem
	stopping   atomic.Bool
	running    atomic.Int64
	alone      *alone
}

// Serve is the worker: called by the program that is generated for a project.
func Serve(projectDir string, problemsText string) {
	made := &worker{projectDir: projectDir, problems: map[string][]Problem{}}
	var problems []Problem
	if err := json.Unmarshal([]byte(problemsText), &problems); err != nil {
		panic(err)
	}
	for _, one := range problems {
		made.problems[one.Path] = append(made.problems[one.Path], one)
	}
	go func() {
		_, _ = io.Copy(io.Discard, os.Stdin)
		os.Exit(0)
	}()
	number, err := strconv.Atoi(os.Getenv("MOTIA_WORKER_FD"))
	if err != nil {
		panic("expected MOTIA_WORKER_FD, a number")
	}
	listener, err := net.FileListener(os.NewFile(uintptr(number), "worker"))
	if err != nil {
		panic(err)
	}
	if made.alone, err = capture(); err != nil {
		panic(err)
	}
	for {
		socket, err := listener.Accept()
		if err != nil {
			panic(err)
		}
		go made.serve(newConnection(socket, projectDir))
	}
}

func (w *worker) serve(c *connection) {
	defer func() {
		close(c.closed)
		c.socket.Close()
		c.mutex.Lock()
		defer c.mutex.Unlock()
		for _, ctx := range c.running {
			ctx.stop()
		}
	}()
	for {
		found, err := c.next()
		if err != nil {
			return
		}
		switch {
		case found.Method == "" && found.ID != nil:
			if c.answered(found) != nil {
				return
			}
		case found.Method == "":
			return
		case found.ID == nil:
			w.noted(c, found)
		default:
			w.dispatch(c, *found.ID, found)
		}
	}
}

func (w *worker) dispatch(c *connection, id int64, found message) {
	switch found.Method {
	case "invoke", "call":
		if w.stopping.Load() {
			c.refuse(id, &callError{-32000, "the worker is stopping", map[string]any{"code": "worker.stopping"}})
			return
		}
		w.run(c, id, found.Method, found.Params)
	case "run":
		c.run(id, found)
	case "initialize":
		c.reply(id, w.greeting(c, found.Params))
	case "load":
		var params struct {
			Files []string `json:"files"`
		}
		if err := json.Unmarshal(found.Params, &params); err != nil {
			c.refuse(id, &callError{Code: -32602, Message: err.Error()})
			return
		}
		c.reply(id, w.load(params.Files))
	case "shutdown":
		go w.shutDown(c, id, found.Params)
	default:
		c.refuse(id, &callError{Code: -32601, Message: "expected a method of the protocol, got " + found.Method})
	}
}

func (w *worker) greeting(c *connection, raw json.RawMessage) map[string]any {
	var params struct {
		Limits limits `json:"limits"`
	}
	if json.Unmarshal(raw, &params) == nil {
		c.limits = params.Limits
		c.outbox.useLimits(params.Limits)
	}
	if !c.beating {
		c.beating = true
		go func() {
			for {
				c.note("heartbeat", map[string]any{})
				select {
				case <-time.After(time.Duration(c.limits.HeartbeatS * float64(time.Second))):
				case <-c.closed:
					return
				}
			}
		}()
	}
	version := strings.TrimPrefix(runtime.Version(), "go")
	return map[string]any{
		"protocol": 1, "language": "go", "runtime": map[string]any{"name": "go", "version": version},
		"pid": os.Getpid(), "capabilities": map[string]any{"integers": "any", "workflow": true},
	}
}

func (w *worker) noted(c *connection, found message) {
	var params struct {
		ID     int64 `json:"id"`
		Stream int   `json:"stream"`
		Items  int64 `json:"items"`
		Parts  int   `json:"parts"`
	}
	if json.Unmarshal(found.Params, &params) != nil {
		return
	}
	if params.Parts > 0 {
		c.outbox.addCredit(params.Parts)
		return
	}
	c.mutex.Lock()
	defer c.mutex.Unlock()
	switch found.Method {
	case "cancel":
		if ctx, ok := c.running[params.ID]; ok {
			ctx.stop()
		}
		if stop, ok := c.runs[params.ID]; ok {
			stop()
		}
	case "credit":
		if stream, ok := c.streams[params.Stream]; ok {
			stream.addCredit(params.Items)
		}
	case "close":
		if stream, ok := c.streams[params.Stream]; ok {
			stream.once.Do(func() { close(stream.closed) })
		}
	}
}

func (w *worker) load(files []string) map[string]any {
	loaded := []any{}
	for _, path := range files {
		definitions, problems := []any{}, []any{}
		for _, problem := range w.problems[path] {
			problems = append(problems, map[string]any{"message": problem.Message, "line": problem.Line})
		}
		for _, one := range registered {
			if one.file == filepath.Join(w.projectDir, path) {
				definition, err := define(one, path)
				if err != nil {
					problems = append(problems, map[string]any{"message": err.Error(), "line": one.line})
					continue
				}
				definitions = append(definitions, definition)
			}
		}
		if len(definitions)+len(problems) == 0 {
			text := "file: expected an init function that calls motia.Step, got none"
			problems = append(problems, map[string]any{"message": text, "line": 1, "code": "step.no_config"})
		}
		loaded = append(loaded, map[string]any{"path": path, "definitions": definitions, "problems": problems})
	}
	return map[string]any{"files": loaded}
}

func define(one declared, path string) (map[string]any, error) {
	place := fmt.Sprintf("%s#%v", path, one.config["name"])
	config, err := plain(map[string]any(one.config), place)
	if err != nil {
		return nil, err
	}
	kind := "step"
	if one.stream {
		kind = "stream"
	}
	made := map[string]any{"kind": kind, "line": one.line, "language": "go", "config": config}
	if one.handler != nil {
		functions[place] = one.handler
		places[place] = fmt.Sprintf("%s:%d", path, one.line)
		made["handler"], made["handler_line"] = place, one.line
	}
	return made, nil
}

// plain is the config as JSON can carry it: functions become handles.
func plain(value any, place string) (any, error) {
	if function, ok := asHandler(value); ok {
		functions[place] = function
		return map[string]any{"$function": place}, nil
	}
	if _, ok := value.(json.RawMessage); ok {
		return wire(value, place, 0, nil)
	}
	found := reflect.ValueOf(value)
	switch found.Kind() {
	case reflect.Map:
		made := map[string]any{}
		for _, key := range found.MapKeys() {
			name := fmt.Sprint(key.Interface())
			item, err := plain(found.MapIndex(key).Interface(), place+"."+name)
			if err != nil {
				return nil, err
			}
			made[name] = item
		}
		return made, nil
	case reflect.Slice:
		made := make([]any, found.Len())
		for index := range made {
			item, err := plain(found.Index(index).Interface(), fmt.Sprintf("%s[%d]", place, index))
			if err != nil {
				return nil, err
			}
			made[index] = item
		}
		return made, nil
	}
	return wire(value, place, 0, nil)
}

func asHandler(value any) (Handler, bool) {
	switch found := value.(type) {
	case Handler:
		return found, true
	case func(*Context, any) (any, error):
		return found, true
	}
	return nil, false
}

func (w *worker) shutDown(c *connection, id int64, raw json.RawMessage) {
	var params struct {
		GraceS float64 `json:"grace_s"`
	}
	_ = json.Unmarshal(raw, &params)
	w.stopping.Store(true)
	end := time.Now().Add(time.Duration(params.GraceS * float64(time.Second)))
	for w.running.Load() > 0 && time.Now().Before(end) {
		time.Sleep(10 * time.Millisecond)
	}
	c.reply(id, map[string]any{})
	time.Sleep(50 * time.Millisecond)
	os.Exit(0)
}
