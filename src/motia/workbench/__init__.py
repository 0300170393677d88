"""The console's side of a node: its page, its JSON under `/__motia/`, and who may ask for it.

    request ─► guard (Host, Origin) ─► session (token, cookie) ─► api/<feature>.py ─► engine, stores
            └► a navigation: the page · anything else: the project's own routes

`docs/reference/console-api.md` is the contract; `workbench/` beside `src/` holds the page itself.
"""
