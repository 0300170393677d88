package steps

import (
	"context"
	"errors"
	"fmt"
	"math"
	"math/big"
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
	case "cut":
		ctx.Log.Warn("cut \xf0\x9f", map[string]any{"text": "cut \xf0\x9f"})
		return nil, errors.New("cut \xf0\x9f")
	case "refuse":
		return nil, &motia.HTTPError{Status: 404, Detail: "no such order"}
	case "retry":
		delay := 2.5
		return motia.Retry{DelayS: &delay, Reason: "busy"}, nil
	case "wrong":
		return map[string]any{"deep": []any{1, math.NaN()}}, nil
	case "huge":
		return map[string]any{"deep": []any{1, new(big.Int).Lsh(big.NewInt(1), 70)}}, nil
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
	case "step":
		return ctx.Step("work", func(context.Context) (any, error) { return input["value"], nil })
	case "step_fails":
		work := func(context.Context) (any, error) { panic(badThing{}) }
		return ctx.Step("work", work, motia.StepOptions{Retries: 2})
	case "nap":
		if err := ctx.Sleep(time.Hour); err != nil {
			return nil, err
		}
		return "awake", nil
	case "wait":
		match := map[string]any{"order": input["value"]}
		return ctx.WaitFor("paid", motia.WaitOptions{Match: match, Timeout: 48 * time.Hour})
	case "stream":
		count := input["count"].(int64)
		size, _ := input["size"].(int64)
		items := make(chan any)
		go func() {
			defer close(items)
			for index := range count {
				select {
				case items <- fmt.Sprintf("%-*s", size, fmt.Sprintf("item %d", index)):
				case <-ctx.Done():
					return
				}
			}
		}()
		return motia.Response{Status: 200, Body: items}, nil
	}
	return nil, nil
}
