"""Every setting, its default and its unit; `load.py` reads them from files, environment and flags."""

from motia.settings.model import (
    CorsSettings,
    DatabaseSettings,
    LimitSettings,
    LogSettings,
    QueueSettings,
    Settings,
    TracingSettings,
    WorkbenchSettings,
)

__all__ = [
    "CorsSettings",
    "DatabaseSettings",
    "LimitSettings",
    "LogSettings",
    "QueueSettings",
    "Settings",
    "TracingSettings",
    "WorkbenchSettings",
]
