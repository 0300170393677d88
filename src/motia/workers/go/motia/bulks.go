package motia

import "time"

// Sending says when messages of a bulk are delivered, and in which group.
type Sending struct {
	Group string
	Delay time.Duration
	At    time.Time
}

// Bulk says where the messages of one EnqueueMany stand: one for each queue that each item went to.
type Bulk struct {
	ID                                                  string
	Total, Completed, Waiting, Running, Dead, Cancelled int64
	StartedAt                                           time.Time
}

// EnqueueMany puts a message for each item on a topic, all in one commit; it gives the id of the bulk.
func (c *Context) EnqueueMany(topic string, items []any, options ...Sending) (string, error) {
	given, err := wire(items, "$", 0, nil)
	if err != nil {
		return "", err
	}
	operation := map[string]any{"op": "enqueue_many", "topic": topic, "items": given}
	for _, option := range options {
		put(operation, "group", option.Group)
		put(operation, "delay_s", option.Delay.Seconds())
		if !option.At.IsZero() {
			operation["at_ms"] = option.At.UnixMilli()
		}
	}
	id, err := c.write(operation)
	text, _ := id.(string)
	return text, err
}

// Bulk says where a bulk stands; nil for one that is not known.
func (c *Context) Bulk(id string) (*Bulk, error) {
	found, err := c.ask("context.read", map[string]any{"read": map[string]any{"op": "bulk", "id": id}})
	members, ok := found["bulk"].(map[string]any)
	if err != nil || !ok {
		return nil, err
	}
	number := func(name string) int64 {
		count, _ := members[name].(int64)
		return count
	}
	return &Bulk{
		ID: id, Total: number("total"), Completed: number("completed"), Waiting: number("waiting"),
		Running: number("running"), Dead: number("dead"), Cancelled: number("cancelled"),
		StartedAt: time.UnixMilli(number("started_at_ms")),
	}, nil
}

// CancelBulk ends what is left of a bulk; it gives how many messages that were.
func (c *Context) CancelBulk(id string) (int64, error) {
	found, err := c.write(map[string]any{"op": "bulk.cancel", "id": id})
	members, _ := found.(map[string]any)
	count, _ := members["cancelled"].(int64)
	return count, err
}
