from pathlib import Path

from motia import FileResponse, api

PAGE = Path(__file__).parents[1] / "page.html"


@api(id="page", method="GET", path="/", flows=["chat"])
async def page() -> FileResponse:
    return FileResponse(PAGE)
