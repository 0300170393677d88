package motia

// StreamHandle is a realtime stream as the steps of all languages write it: items with ids, in groups.
type StreamHandle struct {
	context *Context
	name    string
}

// Stream gives the stream of a name.
func (c *Context) Stream(name string) StreamHandle { return StreamHandle{c, name} }

// Get gives an item; nil where there is none.
func (s StreamHandle) Get(group, id string) (any, error) {
	found, err := s.read(map[string]any{"op": "stream.get", "group": group, "id": id})
	return found["item"], err
}

// List gives all items of a group, in the order of their creation.
func (s StreamHandle) List(group string) ([]any, error) {
	found, err := s.read(map[string]any{"op": "stream.group", "group": group})
	items, _ := found["items"].([]any)
	return items, err
}

// Groups gives the names of the groups that hold something.
func (s StreamHandle) Groups() ([]string, error) {
	found, err := s.read(map[string]any{"op": "stream.groups"})
	groups, _ := found["groups"].([]any)
	names := make([]string, 0, len(groups))
	for _, group := range groups {
		if name, ok := group.(string); ok {
			names = append(names, name)
		}
	}
	return names, err
}

// Set creates or replaces an item and gives it as it is stored.
func (s StreamHandle) Set(group, id string, data any) (any, error) {
	given, err := wire(data, "$", 0, nil)
	if err != nil {
		return nil, err
	}
	return s.write(map[string]any{"op": "stream.set", "group": group, "id": id, "data": given})
}

// Delete removes an item and gives what it was; nil where there was none.
func (s StreamHandle) Delete(group, id string) (any, error) {
	found, err := s.write(map[string]any{"op": "stream.delete", "group": group, "id": id})
	members, _ := found.(map[string]any)
	return members["old"], err
}

// Update applies the operations, in order, as one atomic change of an item.
func (s StreamHandle) Update(group, id string, operations ...Operation) (Updated, error) {
	operation := map[string]any{"op": "stream.update", "stream": s.name, "group": group, "id": id}
	return s.context.update(operation, operations)
}

// Increment adds to a number of an item atomically and gives the item then; path names the members that lead to it.
func (s StreamHandle) Increment(group, id string, by int64, path ...string) (any, error) {
	at := make([]any, len(path))
	for index, name := range path {
		at[index] = name
	}
	changed, err := s.Update(group, id, Operation{"type": "increment", "path": at, "by": by})
	return changed.New, err
}

// Send tells whoever follows a group of an event; it is kept nowhere.
func (s StreamHandle) Send(group, kind string, data any) error {
	given, err := wire(data, "$", 0, nil)
	if err != nil {
		return err
	}
	event := map[string]any{"type": kind, "data": given}
	_, err = s.write(map[string]any{"op": "stream.send", "group": group, "event": event})
	return err
}

func (s StreamHandle) read(read map[string]any) (map[string]any, error) {
	read["stream"] = s.name
	return s.context.ask("context.read", map[string]any{"read": read})
}

func (s StreamHandle) write(operation map[string]any) (any, error) {
	operation["stream"] = s.name
	return s.context.write(operation)
}
