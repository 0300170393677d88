"""P10: chains of middleware, imports that are only types."""

from __future__ import annotations

from application import Application, Lines, eventually

LINES = Lines()


def _headers(app: Application, role: str, permissions: list[str]) -> dict[str, str]:
    answer = app.ask("POST", "/auth/token", {"role": role, "permissions": permissions}, status=200)
    return {"authorization": f"Bearer {answer['token']}"}


@LINES.add("POST /auth/token → 200 token; GET /profile 401 without, 200 with it")
def token(app: Application) -> None:
    app.kept["admin"] = _headers(app, "admin", ["write:users"])
    app.kept["user"] = _headers(app, "user", [])
    app.ask("GET", "/profile", status=401)
    app.ask("GET", "/profile", status=401, headers={"authorization": "Bearer nonsense"})
    assert app.ask("GET", "/profile", status=200, headers=app.kept["admin"])["role"] == "admin"


@LINES.add("GET /admin/dashboard: 403 for a user, 200 for an admin")
def roles(app: Application) -> None:
    app.ask("GET", "/admin/dashboard", status=403, headers=app.kept["user"])
    app.ask("GET", "/admin/dashboard", status=200, headers=app.kept["admin"])


@LINES.add("PUT /users/u9: 403 with what is required, 200 with the permission")
def permissions(app: Application) -> None:
    refused = app.ask("PUT", "/users/u9", {"name": "x"}, status=403, headers=app.kept["user"])
    assert refused["required"] == ["write:users"]
    app.ask("PUT", "/users/u9", {"name": "x"}, status=200, headers=app.kept["admin"])


@LINES.add("POST /orders → 201 and ProcessOrder with the user; quantity 0 → 400")
def orders(app: Application) -> None:
    headers = app.kept["admin"]
    app.ask("POST", "/orders", {"productId": "p", "quantity": 2}, status=201, headers=headers)
    eventually(lambda: app.logs("ProcessOrder", "User context from JWT"))
    assert app.logs("ProcessOrder", "User context from JWT")[0]["data"]["role"] == "admin"
    app.ask("POST", "/orders", {"productId": "p", "quantity": 0}, status=(400, 422), headers=headers)


@LINES.add("GET /content: 2 items for anybody, 3 for who is known")
def content(app: Application) -> None:
    assert len(app.ask("GET", "/content", status=200)["content"]) == 2
    assert len(app.ask("GET", "/content", status=200, headers=app.kept["admin"])["content"]) == 3
