"""Ruling 18 through an app: the code blocks a run, its log stays as it is, and fixed code goes on."""

import pytest
from attrs import evolve

from yieldflow import App, Flow, hook, now, step, workflow
from yieldflow.authoring.registry import Registry
from yieldflow.errors import RunBlocked


@step(retry=1)
def work(n: int) -> int:
    return n


@workflow
def sound() -> Flow[int]:
    return (yield work(1))


def app_with(fn, store=None) -> App:
    """An app whose code for the workflow `sound` is *fn*; None: it has none."""
    registry = Registry()
    if fn is not None:
        registry.add_workflow(evolve(sound.definition, fn=fn))
    app = App("memory:", registry=registry)
    if store is not None:
        app.store = store
    return app


def yields_a_number() -> Flow[int]:
    answer = yield work(1)
    try:
        yield answer
    except Exception:
        yield work(2)  # the program never sees it
    return answer


def recurses() -> Flow[int]:
    def deep() -> int:
        return deep()

    yield work(1)
    return deep()


def imports_what_is_gone() -> Flow[int]:
    import no_such_module_anywhere

    yield work(1)
    return no_such_module_anywhere.answer


def forgets_a_yield() -> Flow[int]:
    answer = yield work(1)
    yield work(work(answer))


def returns_what_is_no_value() -> Flow[object]:
    yield work(1)
    return object()


CODE_ERRORS = {
    yields_a_number: "yielded 1 (int), which is not a command",
    recurses: "RecursionError",
    imports_what_is_gone: "no_such_module_anywhere",
    forgets_a_yield: "was `yield` forgotten?",
    returns_what_is_no_value: "cannot be stored: ",
    None: "is not known here",
}


@pytest.mark.parametrize(("fn", "said"), CODE_ERRORS.items(), ids=lambda part: getattr(part, "__name__", None))
def test_18_a_code_error_blocks_the_run_and_the_fixed_code_goes_on(fn, said):
    broken = app_with(fn)
    with pytest.raises(RunBlocked) as blocked:
        broken.run(sound(), run_id="r")
    assert said in str(blocked.value)
    handle = broken.get("r")
    assert handle.status() == "blocked"
    assert said in handle.inspect().why
    log = handle.history()
    with pytest.raises(RunBlocked):
        handle.result()
    assert handle.history() == log
    assert handle.status() == "blocked"

    fixed = app_with(sound.definition.fn, broken.store)
    assert fixed.start(sound(), run_id="r").result(timeout=10) == 1
    assert fixed.get("r").history()[: len(log)] == log
    broken.close()
    fixed.close()


def test_18_a_deploy_that_parts_from_the_log_blocks_until_it_is_reverted():
    def changed() -> Flow[int]:
        return (yield work(2))

    def waits() -> Flow[int]:
        answer = yield work(1)
        yield hook("go")
        return answer

    before = app_with(waits)
    before.start(sound(), run_id="r")
    before.runtime.tend("r")
    log = before.get("r").history()
    after = app_with(changed, before.store)
    with pytest.raises(RunBlocked, match=r"(?s)recorded: work\(1\)\n  asked:    work\(2\)"):
        after.run(sound(), run_id="r")
    assert after.get("r").history() == log
    reverted = app_with(waits, before.store)
    reverted.send("r", "go", None)
    assert reverted.run(sound(), run_id="r") == 1
    for app in (before, after, reverted):
        app.close()


def test_18_an_ordinary_exception_fails_the_run_whatever_its_cause():
    def renamed() -> Flow[int]:
        yield now()
        raise TypeError("renamed argument")

    app = app_with(renamed)
    with pytest.raises(Exception, match="TypeError: renamed argument"):
        app.run(sound(), run_id="r")
    assert app.get("r").status() == "failed"
    app.close()
