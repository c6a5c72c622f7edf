"""All texts stand in one file a language; each language says the same things, and no template says one of its own."""

from __future__ import annotations

import re
import string
from pathlib import Path

import pytest
from plausible_nights import asleep
from visitor import Visitor, text_of

from appliance.web import speech, words
from appliance.web.speech import DEFAULT, LANGUAGES, Manner, document, heard, manner_of, say, speak

WEB = Path(speech.__file__).parent
TEMPLATES = sorted((WEB / "templates").glob("*.html"))
OTHERS = [language for language in LANGUAGES if language != DEFAULT]
NAMES = {"Firstlight", "firstlight pair", "°C", "°F", "MB", "utf-8"}  # of things, the same everywhere


def keys(language: str) -> dict[str, str | list[str]]:
    sections = document(language).items()
    return {f"{s}.{key}": text for s, texts in sections if s != "heard" for key, text in texts.items()}


def fields(text: str) -> set[str]:
    return {name for _, name, _, _ in string.Formatter().parse(text) if name}


def test_there_is_a_second_language() -> None:
    assert OTHERS == ["de"]


@pytest.mark.parametrize("language", OTHERS)
def test_every_language_has_the_same_texts_with_the_same_values(language: str) -> None:
    english, other = keys(DEFAULT), keys(language)
    assert english.keys() == other.keys()
    for key, text in english.items():
        told = other[key]
        if isinstance(text, str):
            assert isinstance(told, str), key
            assert fields(text) == fields(told), key
            assert told.strip() == told != "", key
        else:
            assert len(text) == len(told), key


@pytest.mark.parametrize("language", OTHERS)
def test_what_the_box_says_has_as_many_gaps_in_every_language(language: str) -> None:
    for english, told in document(language)["heard"].items():
        assert english.count("{}") == told.count("{}"), english


@pytest.mark.parametrize("path", TEMPLATES, ids=lambda path: path.name)
def test_no_template_has_a_text_of_its_own(path: Path) -> None:
    source = path.read_text(encoding="utf-8")
    plain = re.sub(r"\{#.*?#\}|\{%.*?%\}|\{\{.*?\}\}", " ", source, flags=re.S)
    seen = [part.strip(" ·") for part in re.sub(r'<[^>]+>|[\w-]+="[^"]*"', "\n", plain).splitlines()]
    assert {part for part in seen if re.search(r"[^\W\d_]", part)} <= NAMES
    told = re.findall(r'\b(?:aria-label|aria-valuetext|title|alt|placeholder)="([^"]*)"', plain)
    assert [text for text in told if re.search(r"[^\W\d_]", text)] == []
    code = " ".join(a or b for a, b in re.findall(r"\{%(.*?)%\}|\{\{(.*?)\}\}", source, flags=re.S))
    literals = re.findall(r'"([^"]*)"|\'([^\']*)\'', code)
    said = [text for pair in literals for text in pair if re.search(r"[A-ZÄÖÜ]|[^\W\d_] [^\W\d_]", text)]
    assert {text for text in said if len(text) > 1} <= NAMES


def test_every_text_is_used_and_every_text_that_is_used_exists() -> None:
    sources = [path.read_text(encoding="utf-8") for path in [*TEMPLATES, *WEB.glob("*.py")]]
    english = keys(DEFAULT)
    whole = "\n".join(sources)
    named = set(re.findall(r"""\b(?:say|names)\(\s*["']([a-z_]+\.[a-z0-9_]+)["']\s*[,)]""", whole))
    assert named - english.keys() == set()
    sections = set(re.findall(r"""["']([a-z]+)\.["'] ~|f["']([a-z]+)\.[a-z_]*\{""", whole))
    built = {name for pair in sections for name in pair if name}  # sections whose keys are put together
    quoted = set(re.findall(r"""["']([a-z]+\.[a-z0-9_]+)["']""", whole))
    unused = {key for key in english if key not in named | quoted and key.partition(".")[0] not in built}
    assert unused == {"language.name"}  # read from the file itself


def test_how_things_are_said_follows_the_settings_then_the_browser() -> None:
    assert manner_of({}, "") == Manner("en", "24", "C", "amber")
    assert manner_of({}, "de-DE,de;q=0.9,en;q=0.8") == Manner("de", "24", "C", "amber")
    assert manner_of({}, "en-US,en;q=0.9") == Manner("en", "12", "F", "amber")
    assert manner_of({}, "en-AU") == Manner("en", "12", "C", "amber")
    assert manner_of({}, "fr-FR,de;q=0.5") == Manner("de", "24", "C", "amber")
    assert manner_of({}, "zh-Hant-TW, en") == Manner("en", "24", "C", "amber")
    wanted = {"language": "de", "clock": "24", "degrees": "C", "tint": "red"}
    assert manner_of(wanted, "en-US") == Manner("de", "24", "C", "red")
    assert manner_of({key: ["?"] for key in wanted} | {"clock": ""}, "en-US") == Manner("en", "12", "F", "amber")


@pytest.mark.parametrize(
    ("manner", "said"),
    [
        (Manner(), ["00:00", "12:05", "23:59", "18.5 °C", "64.4"]),
        (Manner(clock="12", degrees="F"), ["12:00 am", "12:05 pm", "11:59 pm", "65.3 °F", "64.4"]),
        (Manner("de"), ["00:00", "12:05", "23:59", "18,5 °C", "64,4"]),
    ],
)
def test_clock_degrees_and_decimals(manner: Manner, said: list[str]) -> None:
    speak(manner)
    try:
        told = [
            words.wall(0, 0),
            words.wall(12, 5),
            words.wall(23, 59),
            words.warmth(18.5),
            words.number(64.4, digits=1),
        ]
    finally:
        speak(Manner())
    assert [text.replace("\u00a0", " ") for text in told] == said


def test_sentences_of_the_box_are_said_in_the_pages_language_where_it_has_them() -> None:
    assert heard("Lie still for half a minute.") == "Lie still for half a minute."
    speak(Manner("de"))
    try:
        assert heard("Lie still for half a minute.") == "Lieg eine halbe Minute still."
        assert heard("Move it a hand's breadth (10 cm) nearer to your chest.") == (
            "Rück sie um eine Handbreit (10 cm) näher an deine Brust."
        )
        assert heard("a sentence that nobody foresaw") == "a sentence that nobody foresaw"
        assert say("now.title") == "Jetzt"
    finally:
        speak(Manner())


def test_a_german_browser_reads_german_and_the_next_one_english(filled: Visitor) -> None:
    german = filled.client.get("/", headers={"Accept-Language": "de-AT,de"}).text
    assert '<html lang="de">' in german
    for told in ("Leichter Schlaf", "zu 71 % sicher", "14,1 Atemzüge pro Minute", "Nächster Wecker", "18,6 °C"):
        assert told in text_of(german), told
    assert "Light sleep" in text_of(filled.get("/"))
    for path in ("/night", "/nights", "/trends", "/alarm", "/alarm/1", "/settings", "/privacy", "/placement", "/first"):
        answer = filled.client.get(path, headers={"Accept-Language": "de"})
        assert answer.status_code == 200, path
        text = text_of(re.sub(r"<code>.*?</code>", "", answer.text))
        assert not re.search(r"\b(the|and|of|asleep|alarm|your)\b", text), (path, text)


def test_american_browsers_read_twelve_hours_and_fahrenheit_and_forms_keep_their_own(filled: Visitor) -> None:
    headers = {"Accept-Language": "en-US"}
    night = filled.client.get("/night", headers=headers).text
    assert re.search(r"\d:\d\d am", text_of(night))
    assert "°F" in night
    assert re.search(r'type="time" id="in_bed" name="in_bed" value="\d\d:\d\d"', night)
    assert 'value="07:00"' in filled.client.get("/alarm/1", headers=headers).text


def test_settings_choose_language_clock_degrees_and_colours(filled: Visitor) -> None:
    chosen = {"bed_side": "left", "timezone": "Europe/Berlin", "clock": "12", "degrees": "F", "tint": "red"}
    assert filled.post("/settings", **chosen, language="de").status_code == 303
    html = filled.get("/")
    assert '<html lang="de" class="red">' in html
    assert "65,5 °F" in text_of(html)
    assert re.search(r"\d:\d\d (vorm|nachm)\.", text_of(html))
    refused = filled.post("/settings", **chosen, language="tlh")
    assert refused.status_code == 422
    assert "Wähl eines davon." in refused.text
    assert '<option value="red" selected>' in refused.text  # nothing typed is lost


def test_a_silent_box_is_german_too(page: Visitor) -> None:
    assert "Die Box antwortet nicht" in page.client.get("/", headers={"Accept-Language": "de"}).text
    page.says(asleep(0.0))
