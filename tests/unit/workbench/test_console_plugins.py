"""Tabs of a project's own: the example's, and those that do not load."""

from __future__ import annotations

from pathlib import Path

import pytest
from desk import Desk, Project

from motia.errors import SettingsError
from motia.workbench.plugins import load_plugin

EXAMPLE = Path(__file__).parents[3] / "examples" / "shop" / "plugins" / "orders"
STEP = """
config = {"name": "job", "triggers": [queue("job")]}

async def handler(data, ctx):
    await ctx.state.set("orders", data["id"], {"status": "open"})
"""


def test_a_folder_adds_a_tab_with_a_page_and_routes(project: Project) -> None:
    project.step("job", STEP)

    async def scenario(desk: Desk) -> None:
        (tab,) = (await desk.get("/plugins"))["items"]
        assert tab == {
            "name": "orders",
            "label": "Orders",
            "icon": "package",
            "page": "/__motia/plugins/orders/index.html",
        }
        assert (await desk.get("/project"))["plugins"] == [tab]
        page = await desk.ask("GET", tab["page"])
        assert "frame-ancestors 'self'" in page.headers["content-security-policy"]
        assert (await desk.ask("GET", "/plugins/orders/page.js")).status_code == 200
        for name in ("../plugin.py", "..%2fplugin.py", "nothing.js"):
            assert (await desk.ask("GET", f"/plugins/orders/{name}")).status_code in (400, 404)
        unsigned = await desk.app.console.get(tab["page"], headers={"host": "localhost:3000"})
        assert unsigned.status_code == 401
        await desk.send("POST", "/plugins/orders/api/emit/job", {"id": "1"})
        await desk.app.until_idle()
        assert await desk.get("/plugins/orders/api/orders") == {"orders": 1, "by_status": {"open": 1}}

    project.run(scenario, workbench={"plugins": [str(EXAMPLE)]})


def test_a_broken_plugin_is_told_and_the_rest_goes_on(project: Project) -> None:
    project.step("job", STEP)

    async def scenario(desk: Desk) -> None:
        assert [tab["name"] for tab in (await desk.get("/plugins"))["items"]] == ["orders"]
        assert any("plugins/missing" in line.message for line in desk.app.logs)
        assert not any("<frozen" in line.message for line in desk.app.logs)

    project.run(scenario, workbench={"plugins": ["plugins/missing", str(EXAMPLE), str(EXAMPLE)]})


RAISES = """
from pathlib import Path
from motia.workbench.hooks import Plugin

def routes(app):
    async def bad(request):
        raise ValueError("no figures")
    return {"GET /bad": bad}

def no_routes(app):
    raise ValueError("no routes")

plugin = Plugin(name="NAME", label="", page=Path(__file__).parent, routes=ROUTES)
"""


def test_what_a_plugin_raises_is_told_with_its_line_and_the_rest_goes_on(project: Project) -> None:
    project.step("job", STEP)
    for name, routes in (("one", "routes"), ("two", "no_routes")):
        folder = project.folder / "plugins" / name
        folder.mkdir(parents=True)
        (folder / "plugin.py").write_text(RAISES.replace("NAME", name).replace("ROUTES", routes))
        (folder / "index.html").write_text("")

    async def scenario(desk: Desk) -> None:
        answer = await desk.ask("GET", "/plugins/one/api/bad")
        assert answer.status_code == 500
        assert "plugin one: GET /bad" in answer.json()["detail"]
        assert answer.json()["hint"] == "plugins/one/plugin.py:7 in bad"
        assert [tab["name"] for tab in (await desk.get("/plugins"))["items"]] == ["one", "two"]
        told = [line for line in desk.app.logs if line.message.startswith("plugin ")]
        assert [line.message.partition(": expected")[0] for line in told] == [
            "plugin two: routes",
            "plugin one: GET /bad",
        ]
        assert all(b"plugins/" in (line.data or b"") for line in told)

    project.run(scenario, workbench={"plugins": ["plugins/one", "plugins/two"]})


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ("raise RuntimeError('no')", "RuntimeError: no at p/plugin.py:3 in <module>"),
        ("plugin = 5", "got 5"),
        ("plugin = Plugin(name='Bad Name', label='', page=Path('.'))", "small letters"),
        ("plugin = Plugin(name='good', label='', page=Path('nowhere'))", "index.html"),
    ],
)
def test_what_is_wrong_with_a_plugin_is_said(tmp_path: Path, source: str, expected: str) -> None:
    imports = "from pathlib import Path\nfrom motia.workbench.hooks import Plugin\n"
    (tmp_path / "p").mkdir()
    (tmp_path / "p" / "plugin.py").write_text(imports + source)
    with pytest.raises(SettingsError, match=expected):
        load_plugin(tmp_path, "./p")
