package motia

import (
	"bytes"
	"log"
	"os"
	"strings"
	"sync"
	"syscall"
)

const longestLineBytes = 64 * 1024

// alone knows which invocations run: output is a step's where it is the only one.
type alone struct {
	mutex   sync.Mutex
	running map[*Context]struct{}
	outputs []*output
}

// output is standard output or error: what is written to it is read line by line.
type output struct {
	alone  *alone
	level  string
	real   *os.File
	raw    syscall.RawConn
	mutex  sync.Mutex
	buffer []byte
	rest   []byte
}

// capture puts pipes in the place of standard output and error. Go has no way to tell whose a line is: it is the
// step's if that runs alone, else it goes where it would have gone.
func capture() (*alone, error) {
	made := &alone{running: map[*Context]struct{}{}}
	for _, one := range []struct {
		file  **os.File
		level string
	}{{&os.Stdout, "info"}, {&os.Stderr, "error"}} {
		reader, writer, err := os.Pipe()
		if err != nil {
			return nil, err
		}
		raw, err := reader.SyscallConn()
		if err != nil {
			return nil, err
		}
		out := &output{alone: made, level: one.level, real: *one.file, raw: raw, buffer: make([]byte, 32*1024)}
		*one.file = writer
		made.outputs = append(made.outputs, out)
		go func() {
			// Called each time there is something to read, for ever.
			_ = raw.Read(func(fd uintptr) bool {
				out.drain(fd)
				return false
			})
			reader.Close()
		}()
	}
	log.SetOutput(os.Stderr)
	return made, nil
}

// begin and end stand around each invocation: what was printed until now belongs to those that ran until now.
func (a *alone) begin(ctx *Context) {
	a.drain()
	a.mutex.Lock()
	a.running[ctx] = struct{}{}
	a.mutex.Unlock()
}

func (a *alone) end(ctx *Context) {
	a.drain()
	for _, out := range a.outputs {
		out.finish()
	}
	a.mutex.Lock()
	delete(a.running, ctx)
	a.mutex.Unlock()
}

func (a *alone) drain() {
	for _, out := range a.outputs {
		_ = out.raw.Control(out.drain)
	}
}

// only gives the invocation that runs alone; nil where none or several do.
func (a *alone) only() *Context {
	a.mutex.Lock()
	defer a.mutex.Unlock()
	if len(a.running) == 1 {
		for ctx := range a.running {
			return ctx
		}
	}
	return nil
}

// drain takes what was written; the pipe never blocks who reads it.
func (o *output) drain(fd uintptr) {
	o.mutex.Lock()
	defer o.mutex.Unlock()
	for {
		count, err := syscall.Read(int(fd), o.buffer)
		if err == syscall.EINTR {
			continue
		}
		if count <= 0 {
			return
		}
		o.rest = append(o.rest, o.buffer[:count]...)
		for {
			end := bytes.IndexByte(o.rest, '\n')
			if end < 0 {
				break
			}
			o.tell(o.rest[:end])
			o.rest = o.rest[end+1:]
		}
		if len(o.rest) > longestLineBytes {
			o.tell(o.rest)
			o.rest = nil
		}
	}
}

// finish tells of a line that has no end.
func (o *output) finish() {
	o.mutex.Lock()
	defer o.mutex.Unlock()
	if len(o.rest) > 0 {
		o.tell(o.rest)
		o.rest = nil
	}
}

func (o *output) tell(line []byte) {
	text := strings.ToValidUTF8(string(line), "\uFFFD")
	if ctx := o.alone.only(); ctx != nil {
		ctx.Log.line(o.level, text, nil)
	} else {
		_, _ = o.real.WriteString(text + "\n")
	}
}
