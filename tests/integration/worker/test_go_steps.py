"""Go steps beside Python ones, in a program that is built for the project."""

from __future__ import annotations

import pytest
from foreign_project import WriteProject

from motia.testing import TestApp

pytestmark = pytest.mark.usefixtures("go")

ORDER = """package steps

import "motia"

func init() {
	motia.Step(motia.Config{
		"name": "Order",
		"triggers": []any{map[string]any{
			"type": "http", "method": "POST", "path": "/orders/:id",
			"bodySchema": map[string]any{
				"type": "object", "required": []string{"total"},
				"properties": map[string]any{"total": map[string]any{"type": "number"}},
			},
		}},
		"enqueues": []string{"order.created"},
	}, func(ctx *motia.Context, input any) (any, error) {
		request := input.(*motia.Request)
		if request.Fields()["total"] == int64(0) {
			return nil, &motia.HTTPError{Status: 409, Detail: "nothing to pay"}
		}
		order := map[string]any{"id": request.PathParams["id"]}
		ctx.Log.Info("ordered", order)
		if _, err := ctx.Enqueue("order.created", order); err != nil {
			return nil, err
		}
		return motia.Response{Status: 201, Body: map[string]any{"trace": ctx.TraceID}}, nil
	})
}
"""
CREATED = """
config = {"name": "Created", "triggers": [{"type": "queue", "topic": "order.created"}], "enqueues": ["paid"]}

async def handler(input, ctx):
    await ctx.enqueue("paid", {"id": input["id"]})
"""
PAID = """package whatever

import "motia"

func init() {
	motia.Step(motia.Config{
		"name": "Paid", "type": "event", "subscribes": []string{"paid"}, "emits": []string{},
	}, func(ctx *motia.Context, input any) (any, error) {
		return nil, ctx.State.Set("paid", input.(map[string]any)["id"].(string), true)
	})
}
"""
CHATS = """package steps

import (
	"fmt"
	"log"
	"math/big"
	"motia"
	"net/netip"
	"os"
)

func init() {
	motia.Stream(motia.Config{"name": "chat"})
	motia.Step(motia.Config{
		"name": "Chats", "type": "api", "method": "POST", "path": "/chats", "emits": []string{},
	}, func(ctx *motia.Context, input any) (any, error) {
		chat := ctx.Stream("chat")
		if _, err := chat.Set("room", "1", map[string]any{"text": "hi", "likes": 1}); err != nil {
			return nil, err
		}
		liked, err := chat.Increment("room", "1", 2, "likes")
		if err != nil {
			return nil, err
		}
		_, _ = chat.Set("room", "2", map[string]any{"text": "gone"})
		gone, _ := chat.Delete("room", "2")
		if err := chat.Send("room", "typing", map[string]any{}); err != nil {
			return nil, err
		}
		items, _ := chat.List("room")
		groups, _ := chat.Groups()
		item, err := chat.Get("room", "1")
		missing, _ := chat.Get("room", "9")
		fmt.Println("printed:", len(items))
		fmt.Fprint(os.Stderr, "without an end")
		log.SetFlags(0)
		log.Print("logged")
		return map[string]any{"status": 200, "body": map[string]any{
			"liked": liked, "gone": gone, "items": len(items), "groups": groups, "item": item,
			"missing": missing,
		}}, err
	})
	motia.Step(motia.Config{
		"name": "Fails", "type": "api", "method": "GET", "path": "/fails/:how", "emits": []string{},
	}, func(ctx *motia.Context, input any) (any, error) {
		switch input.(*motia.Request).PathParams["how"] {
		case "panics":
			panic("bad thing")
		case "placed":
			return nil, motia.Errorf("no file: %w", os.ErrNotExist)
		case "numbers":
			return map[string]any{"big": big.NewInt(7), "address": netip.MustParseAddr("::1")}, nil
		case "value":
			return map[string]any{"reason": os.ErrNotExist}, nil
		}
		return nil, os.ErrNotExist
	})
}
"""
BROKEN = "package steps\n\nfunc init() {\n\tmissing()\n}\n"


async def test_one_trace_goes_through_go_and_python(project: WriteProject) -> None:
    directory = project(order__go=ORDER, created=CREATED, paid__go=PAID, chats__go=CHATS, broken__go=BROKEN)
    async with TestApp(directory, strict=False) as app:
        [problem] = app.app.problems
        assert (problem.path, problem.line, problem.message) == (
            "steps/broken.step.go",
            4,
            "undefined: missing",
        )
        detail = (await app.http.get("/nowhere")).json()["detail"]
        assert detail == "nothing answers GET /nowhere; not loaded: steps/broken.step.go:4"
        answer = await app.http.post("/orders/7", json={"total": 12.5})
        assert answer.status_code == 201
        await app.until_idle()
        assert await app.state.entries("paid") == {"7": True}
        assert {span.trace_id for span in app.spans} == {answer.json()["trace"]}
        assert (await app.http.post("/orders/7", json={})).status_code == 422
        refused = await app.http.post("/orders/7", json={"total": 0})
        assert (refused.status_code, refused.json()["detail"]) == (409, "nothing to pay")
        await _streams_and_output(app)
        await _errors_name_their_place(app)
        assert (await app.http.get("/fails/numbers")).json() == {"big": 7, "address": "::1"}
        assert (await app.http.get("/fails/value")).json()["code"] == "value.not_json"
        assert "$.reason" in app.logs[-1].message


async def _streams_and_output(app: TestApp) -> None:
    body = (await app.http.post("/chats")).json()
    assert (body["items"], body["groups"], body["missing"]) == (1, ["room"], None)
    assert (body["item"]["text"], body["item"]["likes"], body["liked"]["likes"]) == ("hi", 3, 3)
    assert body["gone"]["text"] == "gone"
    printed = [(line.level, line.message) for line in app.logs if line.step == "Chats"]
    assert ("info", "printed: 1") in printed
    assert ("error", "without an endlogged") in printed


async def _errors_name_their_place(app: TestApp) -> None:
    lines = CHATS.splitlines()
    places = {
        "panics": line_of('panic("bad thing")', lines),
        "placed": line_of("motia.Errorf", lines),
        "returned": line_of('"name": "Fails"', lines) - 1,
    }
    for how, place in places.items():
        assert (await app.http.get(f"/fails/{how}")).status_code == 500
        error = app.spans[-1].error
        assert error is not None
        assert f"steps/chats.step.go:{place}" in error["stack"], (how, error["stack"])


def line_of(text: str, lines: list[str]) -> int:
    return next(number for number, line in enumerate(lines, 1) if text in line)
