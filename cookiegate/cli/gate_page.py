"""The report of ``cookiegate gate`` as one page that needs nothing else: no script, no font, no other file."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from html import escape

from cookiegate.cli.gate_charts import Slice, bars, stacked
from cookiegate.cli.gate_report import Report, by_category
from cookiegate.gate.counts import Counts
from cookiegate.gate.surveying import NEVER, Finding, Survey

_SHOWN_FIELDS = 200
_CHARTED_FIELDS = 24
_CHARTED_REASONS = 7
_STYLE = """
:root{color-scheme:light dark;--ink:#1d2530;--soft:#56616f;--page:#f6f7f9;--card:#fff;--line:#d8dde4;
--ok:#1f7a4d;--bad:#b3261e;--c0:#2c6fbb;--c1:#7a4fb5;--c2:#0f7f8a;--c3:#a2570a;--c4:#4f6d1f;--c5:#a83279;--c6:#5b6475}
@media (prefers-color-scheme:dark){:root{--ink:#e6eaf0;--soft:#a3adba;--page:#12161c;--card:#1b212a;--line:#343d4a;
--ok:#4fbf86;--bad:#ff8a80;--c0:#77aef2;--c1:#b99af0;--c2:#5cc8d3;--c3:#e8a25c;--c4:#a5c76a;--c5:#f08cc4;--c6:#a9b3c2}}
*{box-sizing:border-box}body{margin:0;background:var(--page);color:var(--ink);font:16px/1.55 system-ui,sans-serif}
main{max-width:70rem;margin:0 auto;padding:2rem 1.25rem 4rem}h1{font-size:1.75rem;line-height:1.25;margin:0 0 .25rem}
h2{font-size:1.25rem;margin:2.5rem 0 .75rem}h3{font-size:1rem;margin:1.5rem 0 .5rem}p{margin:.25rem 0 .75rem}
.soft{color:var(--soft)}.facts{display:grid;grid-template-columns:repeat(auto-fit,minmax(11rem,1fr));gap:.75rem;
margin:1.25rem 0;padding:0;list-style:none}.facts li,figure,.note{background:var(--card);border:1px solid var(--line);
border-radius:.6rem;padding:.9rem 1.1rem}.facts b{display:block;font-size:1.6rem;line-height:1.2;
font-variant-numeric:tabular-nums}.pair{display:grid;gap:1rem;grid-template-columns:repeat(auto-fit,minmax(min(100%,26rem),1fr));
align-items:start}figure{margin:0}figcaption{color:var(--soft);font-size:.9rem;margin-top:.5rem}
svg{display:block;width:100%;height:auto;max-width:100%}svg text{fill:var(--ink);font:13px system-ui,sans-serif}
table{border-collapse:collapse;width:100%;background:var(--card);border:1px solid var(--line);font-size:.95rem}
caption{text-align:left;color:var(--soft);padding:.25rem 0}th,td{padding:.35rem .7rem;border-top:1px solid var(--line);
text-align:left;overflow-wrap:anywhere}td:first-child,th:first-child{min-width:9rem}
thead th{border-top:0;font-size:.85rem;color:var(--soft)}
td.n,th.n{text-align:right;font-variant-numeric:tabular-nums;white-space:nowrap}.scroll{overflow-x:auto;margin-bottom:.75rem}
code{font:0.92em ui-monospace,monospace}.ok{color:var(--ok)}.bad{color:var(--bad)}
"""
_COLOURS = {
    "ip": "c3",
    "device": "c0",
    "language": "c2",
    "screen": "c6",
    "browsing": "c1",
    "identifier": "c5",
    "other": "c4",
    NEVER: "bad",
}


def draw_page(report: Report) -> str:
    """The page as HTML. Whatever came from events is escaped."""
    body = [_head(report), _facts(report), _outcome(report) if report.knows_tokens else _no_tokens()]
    body += [_tracker(report, tracker, survey) for tracker, survey in report.surveys.items()]
    policy = "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'"
    return (
        '<!doctype html>\n<html lang="en"><head><meta charset="utf-8">'
        f'<meta http-equiv="Content-Security-Policy" content="{policy}">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        '<meta name="referrer" content="no-referrer">'
        f"<title>What the gate would do</title><style>{_STYLE}</style></head>"
        f"<body><main>{''.join(body)}</main></body></html>\n"
    )


def _head(report: Report) -> str:
    told = [f"site {_code(report.audience)}" if report.audience else "any site"]
    told.append(f"purpose {_code(report.purpose)}" if report.purpose else "any purpose")
    names = ", ".join(map(_code, report.surveys))
    return (
        "<h1>What the gate would do</h1>"
        f'<p class="soft">{", ".join(told)}; tracker {names}. Nothing was changed: every line went on as it came.</p>'
    )


def _facts(report: Report) -> str:
    if report.knows_tokens:
        total = report.total
        dropped = total.dropped.total()
        facts = [
            (total.accepted + dropped, "events"),
            (total.accepted, "would be accepted"),
            (dropped, "would be dropped"),
            (total.stripped.total(), "fields would be stripped from those accepted"),
        ]
    else:
        bearing, missing = report.bearing()
        surveys = report.surveys.values()
        facts = [
            (sum(survey.everything.accepted for survey in surveys), "events can be read"),
            (bearing, "carry a token, which was not checked"),
            (missing, "carry none"),
            (sum(survey.everything.stripped.total() for survey in surveys), "fields would pass under no grant"),
        ]
    return '<ul class="facts">' + "".join(f"<li><b>{count:,}</b>{name}</li>" for count, name in facts) + "</ul>"


def _no_tokens() -> str:
    return (
        '<p class="note">No key set was given (<code>--jwks</code>), so no token was checked. Below is what each '
        "tracker sends, and which category a visitor must have granted for a field to pass. What stands under "
        "<b>never</b> is stripped whatever anybody grants: no table knows it, or its name is sensitive.</p>"
    )


def _outcome(report: Report) -> str:
    total = report.total
    reasons = [(reason.value, times) for reason, times in total.dropped.most_common() if times]
    slices = [Slice("accepted", total.accepted, "ok")]
    slices += [Slice(name, times, f"c{at}") for at, (name, times) in enumerate(reasons[:_CHARTED_REASONS])]
    if rest := sum(times for _, times in reasons[_CHARTED_REASONS:]):
        slices.append(Slice("other reasons", rest, "bad"))
    chart = stacked("events", "Events: accepted, and dropped by reason", slices)
    table = _table("Events by outcome", ("outcome", "events"), [("accepted", total.accepted), *reasons])
    parts = [f'<h2>Events</h2><div class="pair">{chart}{table}</div>']
    if len(report.counts) > 1:
        columns = ("tracker", "accepted", "dropped", "fields stripped")
        parts.append(_table("By tracker", columns, [(name, *_three(each)) for name, each in report.counts.items()]))
    return "".join(parts)


def _three(counts: Counts) -> tuple[int, int, int]:
    return counts.accepted, counts.dropped.total(), counts.stripped.total()


@dataclass(frozen=True, slots=True)
class _Share:
    title: str
    counts: Counts


def _tracker(report: Report, tracker: str, survey: Survey) -> str:
    findings = list(survey.findings())
    parts = [f"<h2>Tracker {_code(tracker)}</h2>"]
    unreadable = [(reason.value, times) for reason, times in survey.everything.dropped.most_common() if times]
    if unreadable:
        parts.append(
            _table("Not of this tracker's form: dropped whatever is granted", ("reason", "events"), unreadable)
        )
    shares = [_Share("nothing but the purpose", survey.nothing), _Share("every category", survey.everything)]
    if report.knows_tokens:
        shares.append(_Share("what the tokens grant", report.counts[tracker]))
    rows = [(share.title, share.counts.accepted, share.counts.stripped.total()) for share in shares]
    parts.append(_table("If visitors granted …", ("granted", "events accepted", "fields stripped"), rows))
    if not findings:
        return "".join([*parts, "<p>Every field that was seen is part of the event itself.</p>"])
    categories = by_category(findings)
    slices = [Slice(name, times, _COLOURS.get(name, "c6")) for name, times in categories.items()]
    parts.append('<h3>What a grant decides about</h3><div class="pair">')
    parts.append(bars(f"{tracker}-categories", f"Fields of {tracker} events by category", slices))
    parts.append(_table("Fields by category", ("category", "fields"), list(categories.items())) + "</div>")
    shown = [Slice(item.name, item.times, _COLOURS.get(item.category, "c6")) for item in findings[:_CHARTED_FIELDS]]
    parts.append(f'<h3>Field by field</h3><div class="pair">{bars(f"{tracker}-fields", "Fields by how often", shown)}')
    return "".join([*parts, _fields(findings), "</div>"])


def _fields(findings: Sequence[Finding]) -> str:
    rows = [(item.name, _passes_with(item), item.times) for item in findings[:_SHOWN_FIELDS]]
    title = "Fields, and the category that lets them pass"
    if len(findings) > _SHOWN_FIELDS:
        title += f" ({len(findings) - _SHOWN_FIELDS} rarer ones are left out)"
    return _table(title, ("field", "passes with", "times"), rows)


def _passes_with(finding: Finding) -> str:
    if finding.is_sensitive:
        return f"{NEVER}: the name is sensitive"
    return f"{NEVER}: no table knows it" if finding.category == NEVER else finding.category


def _table(title: str, columns: Sequence[str], rows: Iterable[Sequence[str | int]]) -> str:
    kinds = [' class="n"' if index else "" for index in range(len(columns))]
    if columns[1:2] == ("passes with",):
        kinds[1] = ""
    head = "".join(f'<th scope="col"{kind}>{escape(name)}</th>' for kind, name in zip(kinds, columns, strict=True))
    body = "".join(
        "<tr>" + "".join(f"<td{kind}>{_cell(value)}</td>" for kind, value in zip(kinds, row, strict=True)) + "</tr>"
        for row in rows
    )
    return (
        f'<div class="scroll"><table><caption>{escape(title)}</caption><thead><tr>{head}</tr></thead>'
        f"<tbody>{body}</tbody></table></div>"
    )


def _cell(value: str | int) -> str:
    return f"{value:,}" if isinstance(value, int) else f"<bdi>{escape(value)}</bdi>"


def _code(text: str) -> str:
    return f"<code>{escape(text)}</code>"
