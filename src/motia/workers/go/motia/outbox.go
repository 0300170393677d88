package motia

import (
	"sync"
	"unicode/utf8"
)

// outbox is the order in which messages leave: short ones at once, a long one in parts, as the node takes them in.
type outbox struct {
	mutex  sync.Mutex
	write  func(line []byte)
	limits limits
	credit int
	count  int
	// rest is what is to be sent of the long message that is under way.
	rest  []byte
	held  []heldMessage
	lanes map[lane]bool
}

// lane is what a message is about, an invocation or a stream: its messages arrive in the order they were put.
type lane struct {
	kind   string
	number int64
}

type heldMessage struct {
	text []byte
	lane lane
}

func newOutbox(bounds limits, write func(line []byte)) *outbox {
	return &outbox{write: write, limits: bounds, credit: bounds.MessageParts, lanes: map[lane]bool{}}
}

func (o *outbox) useLimits(bounds limits) {
	o.mutex.Lock()
	defer o.mutex.Unlock()
	o.limits, o.credit = bounds, bounds.MessageParts
}

func (o *outbox) put(text []byte, of lane) {
	o.mutex.Lock()
	defer o.mutex.Unlock()
	o.place(text, of)
	o.pour()
}

// addCredit: the node has taken in so many parts.
func (o *outbox) addCredit(parts int) {
	o.mutex.Lock()
	defer o.mutex.Unlock()
	o.credit += parts
	o.pour()
}

func (o *outbox) place(text []byte, of lane) {
	if len(text) <= o.limits.FrameBytes && !o.lanes[of] {
		o.write(append(text, '\n'))
		return
	}
	if of != (lane{}) {
		o.lanes[of] = true
	}
	if len(o.rest) > 0 {
		o.held = append(o.held, heldMessage{text, of})
		return
	}
	o.count++
	o.rest = text
}

func (o *outbox) pour() {
	// A byte of JSON text is at most two in a JSON string; U+2028 and U+2029 become six.
	size := (o.limits.FrameBytes - 128) / 2
	for len(o.rest) > 0 && o.credit > 0 {
		o.credit--
		end := min(size, len(o.rest))
		for end < len(o.rest) && !utf8.RuneStart(o.rest[end]) {
			end--
		}
		params := map[string]any{"message": o.count, "text": string(o.rest[:end]), "last": end == len(o.rest)}
		line, _ := encode(map[string]any{"jsonrpc": "2.0", "method": "part", "params": params})
		o.write(append(line, '\n'))
		if o.rest = o.rest[end:]; len(o.rest) == 0 {
			o.release()
		}
	}
}

// release sends what waited for the long message.
func (o *outbox) release() {
	held := o.held
	o.held, o.rest = nil, nil
	clear(o.lanes)
	for _, one := range held {
		o.place(one.text, one.lane)
	}
}
