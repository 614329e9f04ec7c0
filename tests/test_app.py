"""What an app refuses, with one sentence, and leaves everything as it was."""

from time import monotonic

import pytest

from yieldflow import App, Flow, Retry, step, workflow
from yieldflow.errors import BadPayload, BadRunId, BadUrl, UsageError


@step
def one() -> int:
    return 1


@workflow
def asks() -> Flow[int]:
    return (yield from one())


@pytest.fixture
def app():
    app = App("memory:")
    yield app
    app.close()


@pytest.mark.parametrize("tags", [{"order": 42}, {1: "one"}])
def test_tags_map_texts_to_texts(app: App, tags):
    with pytest.raises(UsageError, match="tags map texts to texts"):
        app.start(asks(), run_id="r", tags=tags)
    assert app.runs().runs == ()


@pytest.mark.parametrize("hook", ["", "x" * 201, "a\nb"])
def test_a_payload_for_a_hook_that_cannot_be_is_refused(app: App, hook):
    app.start(asks(), run_id="r")
    before = app.get("r").history()
    with pytest.raises(BadPayload, match="1 to 200 printable characters"):
        app.send("r", hook, 1)
    assert app.get("r").history() == before


def test_a_run_goes_on_though_its_app_is_closed_by_another_thread(app: App):
    handle = app.start(asks(), run_id="r")
    app.runtime.pool.stop()
    del app.runtime
    assert handle.result(timeout=10) == 1


def test_a_step_is_not_a_run(app: App):
    with pytest.raises(UsageError, match="takes the call of a workflow"):
        app.start(one())


@step(queue="gpu")
def render() -> str:
    return "rendered"


@workflow
def renders() -> Flow[str]:
    return (yield from render())


def test_an_embedded_store_serves_every_queue(app: App):
    assert app.start(renders()).result(timeout=10) == "rendered"
    assert app.run(renders()) == "rendered"


def test_an_app_without_threads_is_refused():
    with pytest.raises(UsageError, match="threads=0"):
        App("memory:", threads=0)


def test_modules_may_be_one_text_and_spaces_do_not_matter():
    assert App("memory:", modules="json, decimal").settings.modules == ("json", "decimal")


def test_the_base_url_comes_from_the_call_the_environment_or_pyproject(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("YIELDFLOW_BASE_URL", raising=False)
    assert App("memory:").base_url is None
    (tmp_path / "pyproject.toml").write_text('[tool.yieldflow]\nbase_url = "https://file.example"\n')
    assert App("memory:").base_url == "https://file.example"
    monkeypatch.setenv("YIELDFLOW_BASE_URL", "https://set.example")
    assert App("memory:").base_url == "https://set.example"
    assert App("memory:", base_url="https://call.example").base_url == "https://call.example"


def test_a_password_is_in_no_error():
    with pytest.raises(BadUrl) as refused:
        App("postgres://user:secret@host/db").runs()
    assert "secret" not in str(refused.value)


def test_a_run_id_is_a_text(app: App):
    with pytest.raises(BadRunId):
        app.start(asks(), run_id=5)


TRIED: list[float] = []


@step(retry=Retry(attempts=6, delay="1ms", factor=1, jitter=0))
def fails_five_times() -> int:
    TRIED.append(monotonic())
    if len(TRIED) < 6:
        raise ConnectionError
    return len(TRIED)


@workflow
def impatient() -> Flow[int]:
    return (yield from fails_five_times())


def test_a_retry_that_becomes_due_while_its_driver_turns_away_is_not_slept_over():
    TRIED.clear()
    assert App("memory:").run(impatient()) == 6
    assert TRIED[-1] - TRIED[0] < 0.9  # one that is slept over takes a second


def test_an_app_may_be_closed_while_it_works(app: App):
    with app.worker():
        assert app.start(asks()).result(timeout=10) == 1
        app.close()
    assert app.run(asks()) == 1
