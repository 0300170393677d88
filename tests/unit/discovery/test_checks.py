from __future__ import annotations

from typing import Any

from motia.core.step import Emission, Source, Step, StreamDefinition
from motia.core.trigger import HttpTrigger, QueuePolicy, QueueTrigger, StreamTrigger, Trigger
from motia.discovery.checks import check_project


def step(name: str, *triggers: Trigger, file: str | None = None, **keywords: Any) -> Step:
    source = Source(path=file or f"steps/{name}_step.py", line=1)
    return Step(name=name, source=source, triggers=triggers, handler="h", **keywords)


def get(path: str, method: str = "GET") -> HttpTrigger:
    return HttpTrigger(method=method, path=path)


def stream(name: str, file: str, language: str = "python", **keywords: Any) -> StreamDefinition:
    source = Source(path=file, line=1, language=language)
    return StreamDefinition(name=name, source=source, sources=(source,), **keywords)


def test_a_clean_project_has_nothing_to_say() -> None:
    one = step("one", get("/one"), emissions=(Emission(topic="t"),))
    two = step("two", QueueTrigger(topic="t"))
    checked = check_project([one, two], [])
    assert checked.steps == (one, two)
    assert (checked.problems, checked.notices) == ((), ())


def test_on_failure_that_leads_nowhere_is_said() -> None:
    policies = [QueuePolicy(on_failure=told) for told in ("refund", "refund.wanted", "refnud")]
    takers = [step(f"take{n}", QueueTrigger(topic=f"t{n}", policy=one)) for n, one in enumerate(policies)]
    told = step("refund", QueueTrigger(topic="refund.wanted"))
    notices = [str(one) for one in check_project([*takers, told], []).notices if "on_failure" in str(one)]
    assert len(notices) == 1
    assert notices[0].startswith("steps/take2_step.py:1: take2: on_failure: nobody is told")
    assert "did you mean 'refund'?" in notices[0]


def test_of_two_steps_with_one_name_the_first_serves() -> None:
    first, second = step("same", file="steps/a.py"), step("same", file="steps/b.py")
    checked = check_project([first, second], [])
    assert checked.steps == (first,)
    (problem,) = checked.problems
    assert problem.code == "step.duplicate_name"
    assert problem.path == "steps/b.py"
    assert "steps/a.py:1" in str(problem)
    assert "steps/b.py:1" in str(problem)


def test_of_two_steps_on_one_route_the_first_serves() -> None:
    first, second = step("one", get("/users/:id")), step("two", get("/users/:name"))
    checked = check_project([first, second], [])
    assert checked.steps == (first,)
    (problem,) = checked.problems
    assert problem.code == "step.duplicate_route"
    assert "GET /users/:name" in problem.message
    assert "steps/one_step.py" in str(problem)
    assert "steps/two_step.py" in str(problem)


def test_a_refused_step_takes_no_route() -> None:
    first = step("one", get("/a"))
    refused = step("two", get("/b"), get("/a"))
    third = step("three", get("/b"))
    checked = check_project([first, refused, third], [])
    assert checked.steps == (first, third)


def test_the_routes_of_a_step_whose_name_is_taken_are_told_too() -> None:
    steps = [step("one", get("/a"), get("/b")), step("same", get("/c"))]
    second = step("same", get("/a"), get("/b"), file="steps/b.py")
    checked = check_project([second, *steps], [])
    assert [(problem.code, problem.path) for problem in checked.problems] == [
        ("step.duplicate_name", "steps/same_step.py"),
        ("step.duplicate_route", "steps/one_step.py"),
        ("step.duplicate_route", "steps/one_step.py"),
    ]
    checked = check_project([*steps, second], [])
    assert [(problem.code, problem.path) for problem in checked.problems] == [
        ("step.duplicate_name", "steps/b.py"),
        ("step.duplicate_route", "steps/b.py"),
        ("step.duplicate_route", "steps/b.py"),
    ]


def test_one_route_twice_in_one_step() -> None:
    checked = check_project([step("one", get("/a/:x"), get("/a/:y"))], [])
    assert checked.steps == ()
    assert [problem.code for problem in checked.problems] == ["step.duplicate_route"]


def test_routes_that_differ_do_not_clash() -> None:
    steps = [
        step("a", get("/users/:id")),
        step("b", get("/users/me")),
        step("c", get("/users/:id", "POST")),
        step("d", get("/users/*rest")),
        step("e", get("/users/:id/")),
    ]
    assert check_project(steps, []).problems == ()


def test_all_problems_of_a_project_are_told_at_once() -> None:
    steps = [step("a", get("/")), step("a"), step("b", get("/")), step("c", get("/"))]
    assert [problem.code for problem in check_project(steps, []).problems] == [
        "step.duplicate_name",
        "step.duplicate_route",
        "step.duplicate_route",
    ]


def test_topics_that_lead_nowhere_are_notices_with_the_nearest() -> None:
    one = step("one", emissions=(Emission(topic="order.create"),))
    two = step("two", QueueTrigger(topic="order.created"))
    checked = check_project([one, two], [])
    assert checked.problems == ()
    assert [(notice.path, notice.hint) for notice in checked.notices] == [
        ("steps/one_step.py", "did you mean 'order.created'?"),
        ("steps/two_step.py", "did you mean 'order.create'?"),
    ]
    assert "'order.create'" in checked.notices[0].message


def test_a_topic_that_a_workflow_waits_for_leads_somewhere() -> None:
    one = step("one", get("/one"), emissions=(Emission(topic="paid"), Emission(topic="pait")))
    [notice] = check_project([one], [], waits=["paid"]).notices
    assert "'pait', to which nothing subscribes" in str(notice)
    assert "did you mean 'paid'?" in str(notice)


def test_names_in_files_that_could_not_be_loaded_are_no_notices() -> None:
    steps = [
        step(
            "one",
            QueueTrigger(topic="order.creates", policy=QueuePolicy(on_failure="orders.died")),
            StreamTrigger(stream="orders"),
            emissions=(Emission(topic="order.created"), Emission(topic="order.lost")),
        ),
    ]
    unread = {"steps/two.step.ts": "['order.created', 'orders.died'], `orders`, enqueue('order.creates')"}
    notices = check_project(steps, [], unread=unread).notices
    assert [notice.message for notice in notices] == [
        "one: enqueues 'order.lost', to which nothing subscribes"
    ]


def test_drawn_topics_and_undeclared_dialects_are_no_notices() -> None:
    steps = [
        step("one", emissions=(Emission(topic="drawn", virtual=True), Emission(topic="seen"))),
        step("two", virtual_subscribes=("seen",)),
        step("three", QueueTrigger(topic="three"), dialect="function"),
    ]
    assert check_project(steps, []).notices == ()


def test_a_stream_of_many_languages_is_one() -> None:
    schema = {"type": "object"}
    streams = [
        stream("pets", "a.stream.ts", "typescript"),
        stream("pets", "b_stream.py", schema=schema, description="all pets"),
        stream("other", "c_stream.py"),
    ]
    pets, other = check_project([], streams).streams
    assert other.name == "other"
    assert (pets.source.path, pets.schema, pets.description) == ("a.stream.ts", schema, "all pets")
    assert [source.path for source in pets.sources] == ["a.stream.ts", "b_stream.py"]


def test_functions_of_a_stream_come_from_one_declaration() -> None:
    streams = [
        stream("pets", "a.stream.ts", "typescript"),
        stream("pets", "b_stream.py", on_join="join"),
        stream("pets", "c.stream.js", "javascript", can_access="access"),
    ]
    checked = check_project([], streams)
    (pets,) = checked.streams
    assert (pets.source.path, pets.on_join, pets.can_access) == ("b_stream.py", "join", None)
    assert [notice.path for notice in checked.notices] == ["c.stream.js"]


def test_a_trigger_of_an_unknown_stream_is_a_notice() -> None:
    checked = check_project([step("one", StreamTrigger(stream="todos"))], [stream("todo", "a_stream.py")])
    assert [notice.hint for notice in checked.notices] == ["did you mean 'todo'?"]
