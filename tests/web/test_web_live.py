"""The live view: what is sent, to whom, how often it is looked, and when it ends."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import Any

import pytest
from plausible_nights import asleep
from visitor import Visitor

from appliance.web import THREADS, guard, live, server
from appliance.web.browsers import Browsers
from appliance.web.live import Live
from appliance.web.speech import Manner


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(live, "LOOK_S", 0.01)


class Stream:
    """A browser that listens."""

    def __init__(self, visitor: Visitor, page: str = "now", **headers: str) -> None:
        self.answer = visitor.client.get(f"/live/{page}", headers=headers)
        self._lines: Iterator[Any] = iter(self.answer.response)

    def next(self) -> str:
        line = next(self._lines)
        return line.decode() if isinstance(line, bytes) else str(line)

    def parts(self) -> dict[str, str]:
        """The next parts that changed."""
        while not (line := self.next()).startswith("data: "):
            pass
        return dict(json.loads(line.removeprefix("data: ")))


def test_a_stream_begins_with_the_whole_page_and_goes_on_with_what_changed(filled: Visitor) -> None:
    filled.says(replace(asleep(1_795_676_000.0), simulated=True))  # whose clock stands still
    stream = Stream(filled)
    assert stream.answer.mimetype == "text/event-stream"
    assert stream.answer.headers["Cache-Control"] == "no-store"
    assert stream.next() == "retry: 2000\n\n"
    first = stream.parts()
    assert set(first) == {"wall", "trouble", "wake", "asked", "sleeper", "alarm", "room", "radar"}
    html = filled.get("/")
    for name in ("sleeper", "room", "radar", "wall"):
        assert first[name] in html, name  # letter for letter what the page itself has
    assert stream.next() == ":\n\n"
    filled.says(replace(asleep(1_795_676_000.0), simulated=True, rate_brpm=17.3))
    changed = stream.parts()
    assert set(changed) == {"sleeper"}
    assert "17.3" in changed["sleeper"]


@pytest.mark.parametrize("name", live.PAGES)
def test_every_live_part_has_its_place_in_its_page(filled: Visitor, name: str) -> None:
    html = filled.get({"now": "/", "placement": "/placement", "first": "/first/place"}[name])
    parts = Stream(filled, name).parts()
    assert {f'id="{part}"' in html for part in parts} == {True}
    assert html.count("data-live") == len(parts)


def test_all_who_watch_share_one_look(filled: Visitor, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(live, "LOOK_S", 0.2)
    drawn = []
    draw = Live._draw
    monkeypatch.setattr(Live, "_draw", lambda self, *what: drawn.append(what) or draw(self, *what))
    streams = [Stream(filled) for _ in range(5)] + [Stream(filled, **{"Accept-Language": "de"})]
    for stream in streams:
        stream.parts()  # the first look of each is its own, so that nothing seems undone
    assert drawn == [("now", Manner())] * 5 + [("now", Manner("de"))]
    with ThreadPoolExecutor(len(streams)) as threads:
        list(threads.map(Stream.next, streams))
    assert sorted(drawn[6:]) == [("now", Manner("de")), ("now", Manner())]


def test_no_form_of_a_stream_has_a_token_that_works(filled: Visitor) -> None:
    filled.says(replace(asleep(time.time()), alarm_phase="ringing"))
    wake = Stream(filled).parts()["wake"]
    assert f'name="{guard.FIELD}" value=""' in wake
    assert filled.client.post("/alarm/stop", data={guard.FIELD: ""}).status_code == 403


def test_a_browser_that_is_removed_hears_no_more(filled: Visitor) -> None:
    stream = Stream(filled)
    stream.parts()
    browsers: Browsers = filled.app.extensions["browsers"]
    browsers.remove(browsers.all()[0].id)
    while (line := stream.next()) == ":\n\n" or line.startswith("data: "):
        pass
    assert line == "event: gone\ndata:\n\n"
    with pytest.raises(StopIteration):
        stream.next()


def test_a_stream_ends_by_itself_so_that_the_browser_passes_the_door_again(
    filled: Visitor, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(live, "LASTS_S", 0.05)
    stream = Stream(filled)
    began_s = time.monotonic()
    assert len(list(stream.answer.response)) > 1
    assert time.monotonic() - began_s < 5


def test_seats_are_limited_and_given_back(filled: Visitor) -> None:
    streams = [Stream(filled) for _ in range(live.MOST_OF_ONE)]
    refused = Stream(filled).answer
    assert refused.status_code == 429
    assert "watch this page live" in refused.text
    assert filled.client.get("/").status_code == 200
    streams[0].answer.close()  # though nothing of it was read
    assert Stream(filled).answer.status_code == 200
    seats = Live(filled.app)
    assert sum(seats.sit(str(k % 10)) for k in range(100)) == live.MOST
    seats.leave("3")
    assert seats.sit("a newcomer")
    assert not seats.sit("one more")


def test_a_stream_passes_the_guard_like_any_page(filled: Visitor) -> None:
    assert Stream(filled, Host="evil.example").answer.status_code == 400
    assert Stream(filled, "nights").answer.status_code == 404
    assert filled.client.post("/live/now").status_code in (403, 405)


def test_a_silent_box_is_told_by_the_stream(page: Visitor) -> None:
    assert "The box is not answering" in Stream(page).parts()["trouble"]


def test_each_stream_has_a_thread_of_its_own_for_as_long_as_it_lasts(filled: Visitor) -> None:
    made = server(filled.app, port=0)
    try:
        seats: Live = filled.app.extensions["live"]
        threads = made.task_dispatcher
        for who in ("a", "b", "b"):
            assert seats.sit(who)
        assert len(threads.threads) - threads.stop_count == THREADS + 3
        seats.leave("b")
        assert len(threads.threads) - threads.stop_count == THREADS + 2
        seats.leave("b")
        seats.leave("a")
        assert len(threads.threads) - threads.stop_count == THREADS
    finally:
        made.close()
