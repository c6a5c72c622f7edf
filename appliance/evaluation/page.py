"""The comparison as one page of HTML that needs nothing else: no script, no other file, no network."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache

from jinja2 import Environment, PackageLoader, PrefixLoader, StrictUndefined, Template

from appliance.evaluation import plots
from appliance.evaluation.paper import Table, heading, in_words, named, number, paper
from appliance.evaluation.report import Record

FEWEST_PLOTTED = 3  # nights


@cache
def _template() -> Template:
    loader = PrefixLoader(
        {"evaluation": PackageLoader("appliance.evaluation", "."), "web": PackageLoader("appliance.web", "static")}
    )
    return Environment(
        loader=loader, autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True
    ).get_template("evaluation/page.html")


def page(records: Sequence[Record]) -> str:
    """The whole page, made from the records and from nothing else."""
    kinds: dict[str, list[Record]] = {}
    for record in records:
        kinds.setdefault(record["kind"], []).append(record)
    nights, measures = kinds["night"], kinds.get("measure", [])
    return _template().render(
        heading=heading(records),
        data=kinds["data"][0],
        four=kinds.get("four_class", [None])[0],
        sleep=next((stage for stage in kinds.get("stage", []) if stage["stage"] == "sleep"), None),
        confusion=kinds.get("confusion", [None])[0],
        nights=nights,
        measures=measures,
        plotted=[measure for measure in measures if _is_plotted(measure)],
        tables={table.key: table for table in paper(records)},
        table_of=lambda measure: _table_of(measure, nights),
        named=named,
        number=number,
        in_words=in_words,
        plots=plots,
    )


def _is_plotted(measure: Record) -> bool:
    return measure["nights"] >= FEWEST_PLOTTED and measure["slope"] is not None


def _table_of(measure: Record, nights: Sequence[Record]) -> Table:
    """What a Bland-Altman plot shows."""
    key = measure["measure"]
    rows = [
        (night["subject"], *(number(night[side][key]) for side in ("reference", "device", "difference")))
        for night in nights
        if key in night["difference"]
    ]
    return Table(key, f"{named(measure)}, each night", ("", "reference", "device", "difference"), tuple(rows))
