"""Steps for HTTP, durable queues, cron, state and realtime streams. Step files import everything from here.

Names are loaded when they are first used, so that every other import of the package stays cheap.
"""

from __future__ import annotations

import sys
from collections.abc import Awaitable, Callable
from importlib import import_module
from types import ModuleType
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from motia.authoring.auth import Auth as Auth
    from motia.authoring.auth import api_key as api_key
    from motia.authoring.auth import bearer as bearer
    from motia.authoring.auth import custom as custom
    from motia.authoring.context import Context as Context
    from motia.authoring.depends import Body as Body
    from motia.authoring.depends import Cookie as Cookie
    from motia.authoring.depends import Depends as Depends
    from motia.authoring.depends import Header as Header
    from motia.authoring.depends import Query as Query
    from motia.authoring.forms import UploadFile as UploadFile
    from motia.authoring.payload import Payload as Payload
    from motia.authoring.payload import StateTriggerInput as StateTriggerInput
    from motia.authoring.payload import StreamTriggerInput as StreamTriggerInput
    from motia.authoring.request import Request as Request
    from motia.authoring.results import SSE as SSE
    from motia.authoring.results import ApiResponse as ApiResponse
    from motia.authoring.results import Cancel as Cancel
    from motia.authoring.results import EventSource as EventSource
    from motia.authoring.results import FileResponse as FileResponse
    from motia.authoring.results import HTTPError as HTTPError
    from motia.authoring.results import Redirect as Redirect
    from motia.authoring.results import Response as Response
    from motia.authoring.results import Retry as Retry
    from motia.authoring.results import Snooze as Snooze
    from motia.authoring.running import call as call
    from motia.authoring.running import emit as emit
    from motia.authoring.running import enqueue as enqueue
    from motia.authoring.running import enqueue_many as enqueue_many
    from motia.authoring.running import logger as logger
    from motia.authoring.running import state_manager as state_manager
    from motia.authoring.running import stateManager as stateManager
    from motia.authoring.running import trigger as trigger
    from motia.authoring.steps import MultiTriggerStepBuilder as MultiTriggerStepBuilder
    from motia.authoring.steps import StepBuilder as StepBuilder
    from motia.authoring.steps import StepDefinition as StepDefinition
    from motia.authoring.steps import api as api
    from motia.authoring.steps import cron as cron
    from motia.authoring.steps import event as event
    from motia.authoring.steps import multi_trigger_step as multi_trigger_step
    from motia.authoring.steps import noop as noop
    from motia.authoring.steps import step as step
    from motia.authoring.streams import Stream as Stream
    from motia.authoring.trigger_info import TriggerInfo as TriggerInfo
    from motia.authoring.triggers import ApiMiddleware as ApiMiddleware
    from motia.authoring.triggers import ApiRouteMethod as ApiRouteMethod
    from motia.authoring.triggers import ApiTrigger as ApiTrigger
    from motia.authoring.triggers import CronTrigger as CronTrigger
    from motia.authoring.triggers import QueueTrigger as QueueTrigger
    from motia.authoring.triggers import StateTrigger as StateTrigger
    from motia.authoring.triggers import StreamTrigger as StreamTrigger
    from motia.authoring.triggers import TimeTrigger as TimeTrigger
    from motia.authoring.triggers import TriggerCondition as TriggerCondition
    from motia.authoring.triggers import TriggerConfig as TriggerConfig
    from motia.authoring.triggers import at as at
    from motia.authoring.triggers import http as http
    from motia.authoring.triggers import queue as queue
    from motia.authoring.triggers import state as state
    from motia.authoring.triggers import stream as stream
    from motia.authoring.types import ApiRequest as ApiRequest
    from motia.authoring.types import Enqueue as Enqueue
    from motia.authoring.types import Enqueuer as Enqueuer
    from motia.authoring.types import FlowContext as FlowContext
    from motia.authoring.types import MotiaHttpArgs as MotiaHttpArgs
    from motia.authoring.types import MotiaHttpRequest as MotiaHttpRequest
    from motia.authoring.types import MotiaHttpResponse as MotiaHttpResponse
    from motia.authoring.types import QueryParam as QueryParam
    from motia.authoring.types import StateManager as StateManager
    from motia.authoring.types import Step as Step
    from motia.authoring.types import StepConfig as StepConfig
    from motia.authoring.types import StreamAuthInput as StreamAuthInput
    from motia.authoring.types import StreamAuthResult as StreamAuthResult
    from motia.authoring.types import StreamConfig as StreamConfig
    from motia.authoring.types import StreamEvent as StreamEvent
    from motia.authoring.types import StreamSubscription as StreamSubscription
    from motia.authoring.types import TriggerInput as TriggerInput
    from motia.authoring.types import generate_step_id as generate_step_id
    from motia.authoring.types import get_api_triggers as get_api_triggers
    from motia.authoring.types import get_cron_triggers as get_cron_triggers
    from motia.authoring.types import get_queue_triggers as get_queue_triggers
    from motia.authoring.types import get_state_triggers as get_state_triggers
    from motia.authoring.types import get_stream_triggers as get_stream_triggers
    from motia.authoring.types import is_api_step as is_api_step
    from motia.authoring.types import is_api_trigger as is_api_trigger
    from motia.authoring.types import is_cron_step as is_cron_step
    from motia.authoring.types import is_cron_trigger as is_cron_trigger
    from motia.authoring.types import is_queue_step as is_queue_step
    from motia.authoring.types import is_queue_trigger as is_queue_trigger
    from motia.authoring.types import is_state_step as is_state_step
    from motia.authoring.types import is_state_trigger as is_state_trigger
    from motia.authoring.types import is_stream_step as is_stream_step
    from motia.authoring.types import is_stream_trigger as is_stream_trigger
    from motia.authoring.types import json_schema as json_schema
    from motia.authoring.types import schema_to_json_schema as schema_to_json_schema
    from motia.authoring.workflow import ApprovalExpiredError as ApprovalExpiredError
    from motia.authoring.workflow import RunState as RunState
    from motia.authoring.workflow import WorkflowError as WorkflowError

_HOMES = {
    "auth": "Auth api_key bearer custom",
    "context": "Context",
    "depends": "Body Cookie Depends Header Query",
    "forms": "UploadFile",
    "payload": "Payload StateTriggerInput StreamTriggerInput",
    "request": "Request",
    "results": ("SSE ApiResponse Cancel EventSource FileResponse HTTPError Redirect Response Retry Snooze"),
    "running": "call emit enqueue enqueue_many logger stateManager state_manager trigger",
    "steps": (
        "MultiTriggerStepBuilder StepBuilder StepDefinition api cron event multi_trigger_step noop step"
    ),
    "streams": "Stream",
    "workflow": "ApprovalExpiredError RunState WorkflowError",
    "trigger_info": "TriggerInfo",
    "triggers": (
        "ApiMiddleware ApiRouteMethod ApiTrigger CronTrigger QueueTrigger StateTrigger StreamTrigger "
        "TimeTrigger TriggerCondition TriggerConfig at http queue state stream"
    ),
    "types": (
        "ApiRequest Enqueue Enqueuer FlowContext MotiaHttpArgs MotiaHttpRequest MotiaHttpResponse "
        "QueryParam StateManager Step StepConfig StreamAuthInput StreamAuthResult StreamConfig StreamEvent "
        "StreamSubscription TriggerInput generate_step_id get_api_triggers get_cron_triggers "
        "get_queue_triggers get_state_triggers get_stream_triggers is_api_step is_api_trigger "
        "is_cron_step is_cron_trigger is_queue_step is_queue_trigger is_state_step is_state_trigger "
        "is_stream_step is_stream_trigger json_schema schema_to_json_schema"
    ),
}
"""Module of `motia.authoring` → the names it gives; the same as above, for run time."""
_HOME_OF = {name: home for home, names in _HOMES.items() for name in names.split()}
_SHADOWED = frozenset({"http", "queue", "cron", "state"})
"""Authoring names that are subpackages too."""

if not TYPE_CHECKING:  # checkers read the imports above
    __all__ = sorted(_HOME_OF)

    def __getattr__(name: str) -> Any:
        home = _HOME_OF.get(name)
        if home is None:
            raise AttributeError(f"module 'motia' has no attribute {name!r}")
        value = globals()[name] = getattr(import_module(f"motia.authoring.{home}"), name)
        return value

    def __dir__() -> list[str]:
        return sorted({*globals(), *_HOME_OF})


def asgi(project_dir: str = ".") -> Callable[[Any, Any, Any], Awaitable[None]]:
    """The project as an ASGI application: one node that starts with the server's lifespan, else with its
    first request. It serves the routes of steps and the sockets of streams, and runs messages and cron;
    the Workbench, workers of other languages and reload need `motia start` or `motia dev`."""
    application: Callable[[Any, Any, Any], Awaitable[None]]
    application = import_module("motia.asgi_app").AsgiApp(project_dir)
    return application


class _Package(ModuleType):
    """Keeps `from motia import http` the trigger: importing the subpackage `motia.http` would rebind it."""

    def __setattr__(self, name: str, value: Any) -> None:
        if name in _SHADOWED and isinstance(value, ModuleType):
            return
        super().__setattr__(name, value)


sys.modules[__name__].__class__ = _Package
