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
BROKEN = "package steps\n\nfunc init() {\n\tmissing()\n}\n"


async def test_one_trace_goes_through_go_and_python(project: WriteProject) -> None:
    directory = project(order__go=ORDER, created=CREATED, paid__go=PAID, broken__go=BROKEN)
    async with TestApp(directory, strict=False) as app:
        [problem] = app.app.problems
        assert (problem.path, problem.line, problem.message) == (
            "steps/broken.step.go",
            4,
            "undefined: missing",
        )
        answer = await app.http.post("/orders/7", json={"total": 12.5})
        assert answer.status_code == 201
        await app.until_idle()
        assert await app.state.entries("paid") == {"7": True}
        assert {span.trace_id for span in app.spans} == {answer.json()["trace"]}
        assert (await app.http.post("/orders/7", json={})).status_code == 422
        refused = await app.http.post("/orders/7", json={"total": 0})
        assert (refused.status_code, refused.json()["detail"]) == (409, "nothing to pay")
