"""docs/operations/on-call.md: what each reason of a log line means, and what to do."""

import tomllib
from dataclasses import dataclass
from pathlib import Path

HEAD = """# On call

Each request is one line in the stack's log group (resource `FunctionLogs`), with its `outcome` and its `reason`. The
metric `Latency` in the namespace `Authserver/<stack>` counts them: by `outcome`, by `route`, and by `reason` for what
is under *security* below. Its statistic SampleCount is how many there were. [Alarms](alarms.md) say when a person is
woken.

To see what happened, ask CloudWatch Logs Insights:

```
fields @timestamp, route, status, reason, client_id, request_id
| filter outcome = "bug"
| sort @timestamp desc
| limit 50
```

and then for one request, with its traceback if there is one:

```
filter request_id = "…"
```

A reason that ends in `*` stands for each reason that begins so and has no line of its own. Written by `make docs` from
`scripts/reasons.toml`.
"""

# Of each outcome: its title, what it means, and what to do where a reason has nothing of its own.
OUTCOMES = {
    "bug": (
        "The server did something wrong, or something that is stored or deployed is. One is enough to look.",
        "If it began with a deployment, go back: [rollback.md](rollback.md). Report the line with its traceback.",
    ),
    "dependency": (
        "DynamoDB, KMS, SES, Lambda or a function of yours did not answer, or writes met too often. Callers got 503.",
        "Nothing, if it is a few. If it goes on, look at the AWS Health Dashboard and at the tables' throttles.",
    ),
    "security": (
        "Each may be an attack, and was refused. A single one is mostly a mistake; alarms tell when there are many.",
        "Find out who it is: client, source and route.",
    ),
    "refused": (
        "A rule said no to a person or an application, as it should.",
        "Nothing. A steep rise after a deployment or a change of settings is a mistake in that.",
    ),
    "client_error": (
        "An application sent what no right request has.",
        "Nothing on this side; the application's developer sees it in the portal.",
    ),
    "ok": ("All is well.", "Nothing."),
}


@dataclass(frozen=True)
class Reason:
    """What it counts as, what it means, and what to do, empty where that is what the outcome says."""

    outcome: str
    meaning: str
    action: str


def _read() -> dict[str, Reason]:
    written = tomllib.loads((Path(__file__).parent / "reasons.toml").read_text(encoding="utf-8"))
    return {
        reason: Reason(outcome, *(part.strip() for part in f"{text} | ".split("|")[:2]))
        for outcome, reasons in written.items()
        for reason, text in reasons.items()
    }


REASONS = _read()


def on_call_page() -> str:
    sections = [HEAD]
    for outcome, (meaning, action) in OUTCOMES.items():
        rows = [
            f"| `{reason}` | {one.meaning} | {one.action} |"
            for reason, one in sorted(REASONS.items())
            if one.outcome == outcome
        ]
        sections.append(
            f"## {outcome}\n\n{meaning}\n\nWhat to do where the table says nothing: {action}\n\n"
            "| reason | what it means | what to do |\n| --- | --- | --- |\n" + "\n".join(rows) + "\n"
        )
    return "\n".join(sections)
