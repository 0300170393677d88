"""A plugin's tab as the page draws it."""

from __future__ import annotations

from typing import Any

from motia.workbench.hooks import Plugin


def tab_document(plugin: Plugin) -> dict[str, Any]:
    """A plugin's tab."""
    return {
        "name": plugin.name,
        "label": plugin.label,
        "icon": plugin.icon,
        "page": f"/__motia/plugins/{plugin.name}/index.html",
    }
