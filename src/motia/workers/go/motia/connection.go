package motia

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"sync"
)

type limits struct {
	FrameBytes   int     `json:"frame_bytes"`
	MessageBytes int     `json:"message_bytes"`
	MessageParts int     `json:"message_parts"`
	StreamItems  int     `json:"stream_items"`
	HeartbeatS   float64 `json:"heartbeat_s"`
}

type message struct {
	ID     *int64          `json:"id"`
	Method string          `json:"method"`
	Params json.RawMessage `json:"params"`
	Result json.RawMessage `json:"result"`
	Error  *callError      `json:"error"`
}

type callError struct {
	Code    int            `json:"code"`
	Message string         `json:"message"`
	Data    map[string]any `json:"data,omitempty"`
}

var errTooLarge = errors.New("result.too_large")

// connection is one node: lines in, lines out, calls and answers both ways.
type connection struct {
	socket  net.Conn
	reader  *bufio.Reader
	out     chan []byte
	mutex   sync.Mutex
	limits  limits
	lastID  int64
	answers map[int64]chan message
	outbox  *outbox
	// pieces is what came of the message that comes in parts now, long its number.
	pieces  bytes.Buffer
	long    int64
	running map[int64]*Context
	// Waiting calls whose function the node may ask for, by invocation and number.
	named map[functionName]chan message
	// What stops a function that runs, by the id of the node's call.
	runs       map[int64]context.CancelFunc
	projectDir string
	streams    map[int]*outgoing
	last       int
	closed     chan struct{}
	beating    bool
}

func newConnection(socket net.Conn, projectDir string) *connection {
	made := &connection{
		projectDir: projectDir,
		socket:     socket, reader: bufio.NewReaderSize(socket, 64*1024), out: make(chan []byte, 1024),
		limits: limits{1 << 20, 32 << 20, 4, 64, 1}, answers: map[int64]chan message{},
		running: map[int64]*Context{}, streams: map[int]*outgoing{},
		named: map[functionName]chan message{}, runs: map[int64]context.CancelFunc{},
		closed: make(chan struct{}),
	}
	made.outbox = newOutbox(made.limits, made.push)
	go made.write()
	return made
}

// write sends what waits, as much at once as there is.
func (c *connection) write() {
	writer := bufio.NewWriterSize(c.socket, 64*1024)
	for {
		select {
		case line := <-c.out:
			if _, err := writer.Write(line); err != nil {
				return
			}
			if len(c.out) == 0 && writer.Flush() != nil {
				return
			}
		case <-c.closed:
			return
		}
	}
}

// next is the next message; an error ends the connection.
func (c *connection) next() (message, error) {
	for {
		line, err := c.line()
		if err != nil {
			return message{}, err
		}
		var found message
		if err := json.Unmarshal(line, &found); err != nil {
			return message{}, err
		}
		if found.Method != "part" {
			return found, nil
		}
		whole, err := c.part(found.Params)
		if err != nil {
			return message{}, err
		}
		if whole != nil {
			var put message
			return put, json.Unmarshal(whole, &put)
		}
	}
}

func (c *connection) line() ([]byte, error) {
	var line []byte
	for {
		piece, err := c.reader.ReadSlice('\n')
		line = append(line, piece...)
		if len(line) > c.limits.FrameBytes+1 {
			return nil, errors.New("a line is too long")
		}
		if err == bufio.ErrBufferFull {
			continue
		}
		if err != nil {
			return nil, err
		}
		if bytes.HasPrefix(bytes.TrimSpace(line), []byte("{")) {
			return line, nil
		}
		return nil, errors.New("expected an object")
	}
}

func (c *connection) part(params json.RawMessage) ([]byte, error) {
	var found struct {
		Message int64  `json:"message"`
		Text    string `json:"text"`
		Last    bool   `json:"last"`
	}
	if err := json.Unmarshal(params, &found); err != nil {
		return nil, err
	}
	if c.pieces.Len() > 0 && found.Message != c.long {
		return nil, errors.New("a part of another message came in between")
	}
	c.long = found.Message
	c.pieces.WriteString(found.Text)
	if c.pieces.Len() > c.limits.MessageBytes {
		return nil, errors.New("a message is too long")
	}
	c.note("credit", map[string]any{"parts": 1})
	if !found.Last {
		return nil, nil
	}
	whole := c.pieces.Bytes()
	c.pieces = bytes.Buffer{}
	return whole, nil
}

func (c *connection) send(fields map[string]any) error {
	fields["jsonrpc"] = "2.0"
	text, err := encode(fields)
	if err != nil {
		return err
	}
	if len(text) > c.limits.MessageBytes {
		return errTooLarge
	}
	c.outbox.put(text, laneOf(fields))
	return nil
}

func laneOf(fields map[string]any) lane {
	params, ok := fields["params"].(map[string]any)
	if !ok {
		id, _ := fields["id"].(int64)
		return lane{"invocation", id}
	}
	if number, ok := params["invocation"].(int64); ok {
		return lane{"invocation", number}
	}
	if number, ok := params["stream"].(int); ok {
		return lane{"stream", int64(number)}
	}
	return lane{}
}

func (c *connection) push(line []byte) {
	select {
	case c.out <- line:
	case <-c.closed:
	}
}

func encode(value any) ([]byte, error) {
	var buffer bytes.Buffer
	encoder := json.NewEncoder(&buffer)
	encoder.SetEscapeHTML(false)
	err := encoder.Encode(value)
	return bytes.TrimRight(buffer.Bytes(), "\n"), err
}

func (c *connection) note(method string, params map[string]any) {
	_ = c.send(map[string]any{"method": method, "params": params})
}

func (c *connection) refuse(id int64, err *callError) {
	_ = c.send(map[string]any{"id": id, "error": err})
}

func (c *connection) reply(id int64, result map[string]any) {
	err := c.send(map[string]any{"id": id, "result": result})
	if errors.Is(err, errTooLarge) {
		refusal := tooLarge(result["value"], c.limits.MessageBytes)
		c.refuse(id, errorObject(refusal, c.projectDir))
	}
}

// stepWork gives the result of a durable step as the wire carries it.
type stepWork func(ctx context.Context) (any, error)

type functionName struct{ invocation, number int64 }

// ask calls the node. Its refusal is an *Error. The node may ask for work meanwhile: it runs in this goroutine.
func (c *connection) ask(method string, params map[string]any, work stepWork) (map[string]any, error) {
	answer, asked := make(chan message, 1), make(chan message, 16)
	c.mutex.Lock()
	c.lastID++
	id := c.lastID
	c.answers[id] = answer
	if work != nil {
		name := functionName{params["invocation"].(int64), id}
		params["call"].(map[string]any)["function"] = id
		c.named[name] = asked
		defer c.forget(name)
	}
	c.mutex.Unlock()
	if err := c.send(map[string]any{"id": id, "method": method, "params": params}); err != nil {
		return nil, err
	}
	for {
		select {
		case found := <-answer:
			return resultOf(found)
		case run := <-asked:
			c.answerRun(*run.ID, work)
		case <-c.closed:
			return nil, &Error{Code: "context.ended", Message: "the node is gone"}
		}
	}
}

func resultOf(found message) (map[string]any, error) {
	if found.Error != nil {
		code, _ := found.Error.Data["code"].(string)
		hint, _ := found.Error.Data["hint"].(string)
		lasts := found.Error.Data["retryable"] == false
		return nil, &Error{Code: code, Message: found.Error.Message, Hint: hint, Retryable: !lasts}
	}
	var result map[string]any
	if err := decode(found.Result, &result); err != nil {
		return nil, err
	}
	restored, _ := unwire(result).(map[string]any)
	return restored, nil
}

func (c *connection) forget(name functionName) {
	c.mutex.Lock()
	defer c.mutex.Unlock()
	delete(c.named, name)
}

// run hands a function that the node asks for to whoever waits for what comes of it.
func (c *connection) run(id int64, found message) {
	var params struct {
		Invocation int64 `json:"invocation"`
		Function   int64 `json:"function"`
	}
	if err := json.Unmarshal(found.Params, &params); err != nil {
		c.refuse(id, &callError{Code: -32602, Message: err.Error()})
		return
	}
	c.mutex.Lock()
	waiting := c.named[functionName{params.Invocation, params.Function}]
	c.mutex.Unlock()
	select {
	case waiting <- found:
	default:
		text := fmt.Sprintf("run: expected a function of the invocation, got %d", params.Function)
		c.refuse(id, &callError{-32000, text, map[string]any{"code": "worker.unknown_function"}})
	}
}

func (c *connection) answerRun(id int64, work stepWork) {
	ctx, stop := context.WithCancel(context.Background())
	defer stop()
	c.mutex.Lock()
	c.runs[id] = stop
	c.mutex.Unlock()
	value, err := work(ctx)
	c.mutex.Lock()
	delete(c.runs, id)
	c.mutex.Unlock()
	if err != nil {
		c.refuse(id, errorObject(err, c.projectDir))
	} else {
		c.reply(id, map[string]any{"value": value})
	}
}

func (c *connection) answered(found message) error {
	c.mutex.Lock()
	answer, ok := c.answers[*found.ID]
	delete(c.answers, *found.ID)
	c.mutex.Unlock()
	if !ok {
		return io.ErrUnexpectedEOF
	}
	answer <- found
	return nil
}
