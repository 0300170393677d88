"""The graph of a flow: what its steps say of each other, and what was seen between them. Pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from motia.core.registry import STATE_TOPIC, STREAM_TOPIC, Registry
from motia.core.step import Step
from motia.core.trigger import QueueTrigger, StateTrigger, StreamTrigger
from motia.tracing.activity import EdgeCount, StepCount

ALL_STEPS = "*"
"""The flow that every step is in."""
Node = dict[str, Any]
Edge = dict[str, Any]


@dataclass(slots=True)
class Graph:
    """Nodes and edges by id."""

    nodes: dict[str, Node] = field(default_factory=dict)
    edges: dict[str, Edge] = field(default_factory=dict)


def flow_names(registry: Registry) -> list[tuple[str, int]]:
    """Every flow and its number of steps; first the one of all steps."""
    counts: dict[str, int] = {}
    for step in registry.steps.values():
        for flow in step.flows:
            counts[flow] = counts.get(flow, 0) + 1
    return [(ALL_STEPS, len(registry.steps)), *sorted(counts.items())]


def steps_of(registry: Registry, flow: str) -> list[Step]:
    """The steps of a flow; none for an unknown one."""
    return [step for step in registry.steps.values() if flow in (ALL_STEPS, *step.flows)]


def build_graph(
    registry: Registry,
    flow: str,
    *,
    document: Any,
    runs: Mapping[str, StepCount],
    seen: Iterable[EdgeCount],
) -> Graph:
    """The graph of a flow. `document` gives a step's JSON, `runs` and `seen` what the traces counted."""
    graph = Graph()
    steps = {step.name: step for step in steps_of(registry, flow)}
    for step in steps.values():
        count = runs.get(step.name)
        graph.nodes[_step_id(step.name)] = {
            "id": _step_id(step.name),
            "kind": "step",
            "step": document(step),
            "runs": count.runs if count else 0,
            "failures": count.failures if count else 0,
            "last_ms": count.last_ms if count else None,
        }
    listeners = _listeners(steps.values())
    for step in steps.values():
        _add_emissions(graph, step, listeners)
        _add_sources(graph, step)
    for edge in seen:
        _add_seen(graph, registry, steps, edge)
    return graph


def layout_keys(registry: Registry, node_ids: Iterable[str]) -> dict[str, str]:
    """Node → the key under which the layout file remembers it."""
    steps_in = Counter(step.source.path for step in registry.steps.values())
    keys: dict[str, str] = {}
    for node_id in node_ids:
        step = registry.steps.get(node_id.removeprefix("step:")) if node_id.startswith("step:") else None
        path = node_id if step is None else step.source.path
        keys[node_id] = f"{path}#{step.name}" if step is not None and steps_in[path] > 1 else path
    return keys


def _listeners(steps: Iterable[Step]) -> dict[str, list[tuple[Step, bool]]]:
    """Topic → steps that take it, and whether really so or only drawn (`virtualSubscribes`)."""
    found: dict[str, list[tuple[Step, bool]]] = {}
    for step in steps:
        for trigger in step.triggers:
            if isinstance(trigger, QueueTrigger):
                found.setdefault(trigger.topic, []).append((step, True))
        for topic in step.virtual_subscribes:
            found.setdefault(topic, []).append((step, False))
    return found


def _add_emissions(graph: Graph, step: Step, listeners: Mapping[str, list[tuple[Step, bool]]]) -> None:
    for emission in step.emissions:
        takers = [(_step_id(taker.name), real) for taker, real in listeners.get(emission.topic, ())]
        if not takers:
            topic_id = f"topic:{emission.topic}"
            graph.nodes.setdefault(topic_id, {"id": topic_id, "kind": "topic", "topic": emission.topic})
            takers = [(topic_id, True)]
        for target, real in takers:
            _add_edge(
                graph,
                _step_id(step.name),
                target,
                "topic" if real and step.handler is not None else "virtual",
                emission.topic,
                label=emission.label,
                conditional=emission.conditional,
            )


def _add_sources(graph: Graph, step: Step) -> None:
    """Nodes for what is not a step and makes one run: keys of state, and streams."""
    for trigger in step.triggers:
        if isinstance(trigger, StateTrigger):
            source = _state_id(trigger)
            node = {"id": source, "kind": "state", "scope": trigger.scope, "key": trigger.key}
            graph.nodes.setdefault(source, node)
            _add_edge(graph, source, _step_id(step.name), "state", "")
        elif isinstance(trigger, StreamTrigger):
            source = f"stream:{trigger.stream}"
            graph.nodes.setdefault(source, {"id": source, "kind": "stream", "stream": trigger.stream})
            _add_edge(graph, source, _step_id(step.name), "stream", "")


def _add_seen(graph: Graph, registry: Registry, steps: Mapping[str, Step], edge: EdgeCount) -> None:
    """Count what was seen, on the edges it took; draw those that nobody declared."""
    if edge.source not in steps or edge.target not in steps:
        return
    source, target = _step_id(edge.source), _step_id(edge.target)
    kind, _, index = edge.topic.partition("/")
    if kind in (STATE_TOPIC, STREAM_TOPIC) and index.isdigit():
        triggers = steps[edge.target].triggers
        trigger = triggers[int(index)] if int(index) < len(triggers) else None
        if isinstance(trigger, StateTrigger):
            _count(graph, source, _state_id(trigger), "state", "", edge)
            _count(graph, _state_id(trigger), target, "state", "", edge)
        elif isinstance(trigger, StreamTrigger):
            _count(graph, source, f"stream:{trigger.stream}", "stream", "", edge)
            _count(graph, f"stream:{trigger.stream}", target, "stream", "", edge)
        return
    _count(graph, source, target, "topic" if edge.topic else "call", edge.topic, edge)


def _count(graph: Graph, source: str, target: str, kind: str, topic: str, edge: EdgeCount) -> None:
    found = graph.edges.get(_edge_id(source, target, topic))
    if found is None:
        found = _add_edge(graph, source, target, kind, topic, declared=False)
    seen = found["seen"] or {"runs": 0, "failures": 0, "last_ms": 0}
    found["seen"] = {
        "runs": seen["runs"] + edge.runs,
        "failures": seen["failures"] + edge.failures,
        "last_ms": max(seen["last_ms"], edge.last_ms),
    }


def _add_edge(
    graph: Graph,
    source: str,
    target: str,
    kind: str,
    topic: str,
    *,
    label: str = "",
    conditional: bool = False,
    declared: bool = True,
) -> Edge:
    edge_id = _edge_id(source, target, topic)
    edge = {
        "id": edge_id,
        "source": source,
        "target": target,
        "kind": kind,
        "topic": topic,
        "label": label,
        "conditional": conditional,
        "declared": declared,
        "seen": None,
    }
    return graph.edges.setdefault(edge_id, edge)


def _edge_id(source: str, target: str, topic: str) -> str:
    return f"{source}→{target}:{topic}"


def _step_id(name: str) -> str:
    return f"step:{name}"


def _state_id(trigger: StateTrigger) -> str:
    return f"state:{trigger.scope or '*'}/{trigger.key or '*'}"
