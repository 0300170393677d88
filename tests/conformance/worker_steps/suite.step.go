package steps

import (
	"fmt"
	"math"
	"strings"
	"time"

	"motia"
)

func init() {
	motia.Step(motia.Config{
		"type": "event", "name": "Suite", "subscribes": []string{"suite"}, "emits": []string{"out"},
		"condition": func(_ *motia.Context, input any) (any, error) {
			return input.(map[string]any)["skip"] != true, nil
		},
	}, handle)
}

type badThing struct{}

func (badThing) Error() string { return "bad thing" }

func handle(ctx *motia.Context, given any) (any, error) {
	input, ok := given.(map[string]any)
	if request, isRequest := given.(*motia.Request); isRequest {
		input, ok = request.Fields(), true
	}
	if !ok {
		return nil, fmt.Errorf("expected an object, got %T", given)
	}
	switch input["do"] {
	case "echo":
		return input["value"], nil
	case "bytes":
		return []byte{0, 255, 1}, nil
	case "state":
		if err := ctx.State.Set("s", "k", input["value"]); err != nil {
			return nil, err
		}
		return ctx.State.Get("s", "k")
	case "enqueue":
		return ctx.Enqueue("out", input["value"])
	case "call":
		return ctx.Call("Other", input["value"])
	case "raise":
		panic(badThing{})
	case "refuse":
		return nil, &motia.HTTPError{Status: 404, Detail: "no such order"}
	case "retry":
		delay := 2.5
		return motia.Retry{DelayS: &delay, Reason: "busy"}, nil
	case "wrong":
		return map[string]any{"deep": []any{1, math.NaN()}}, nil
	case "large":
		return map[string]any{"small": 1, "text": strings.Repeat("x", 3_000_000)}, nil
	case "print":
		ctx.Print("hello")
	case "log":
		ctx.Log.Warn("hi", map[string]any{"n": 1})
	case "sleep":
		select {
		case <-ctx.Done():
		case <-time.After(time.Minute):
		}
	case "stream":
		count := input["count"].(int64)
		items := make(chan any)
		go func() {
			defer close(items)
			for index := range count {
				select {
				case items <- fmt.Sprintf("item %d", index):
				case <-ctx.Done():
					return
				}
			}
		}()
		return motia.Response{Status: 200, Body: items}, nil
	}
	return nil, nil
}
