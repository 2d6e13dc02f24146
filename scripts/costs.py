"""What a deployment costs a month, by a formula: counted requests and capacity units, list prices, stated assumptions.

The tests of the round trips hold the counts (`tests/coldstart/warm.py`), and the memory of each function comes from the
template, so the page that `cost_page` writes cannot say anything else than they do.
"""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from tests.coldstart.warm import FLOWS

ROOT = Path(__file__).parent.parent

# List prices of us-east-1 in dollars, without free tiers and volume discounts.
PRICES_OF = "2025"
HTTP_API_REQUEST = 1.00 / 1e6
LAMBDA_REQUEST = 0.20 / 1e6
LAMBDA_GB_SECOND = 0.0000166667  # x86_64
READ_UNIT = 0.125 / 1e6  # DynamoDB on demand
WRITE_UNIT = 0.625 / 1e6
STORED_GB = 0.25 + 0.20  # DynamoDB with point-in-time recovery, a month
LOG_GB = 0.50  # CloudWatch Logs, taken in
TRANSFERRED_GB = 0.09
METRIC = 0.30  # CloudWatch, a month
KMS_KEY = 1.00  # a month
CLOUDFRONT_REQUEST = 1.00 / 1e6  # HTTPS, North America and Europe
CLOUDFRONT_GB = 0.085  # sent to viewers there, instead of TRANSFERRED_GB: what an API sends to CloudFront is free
WEB_ACL = 5.00  # AWS WAF, a month
WEB_ACL_RULE = 1.00  # a month
WEB_ACL_RULES = 3  # of stacks/edge.yaml
WEB_ACL_REQUEST = 0.60 / 1e6

# Assumed. No deployment was measured.
BASE_MS = 10  # of a request, beside its round trips
ROUND_TRIP_MS = 5  # a call of DynamoDB
PASSWORD_MS = 200  # argon2id, in a function of 1 GB
LOG_OCTETS = 600  # a request's line, with the 26 that CloudWatch adds; a test writes such a line
PAGES_OCTETS = 60_000  # of one sign-in: two pages, each as heavy as a test allows
STORED_OCTETS = 8_000  # of a user: account, password, sessions, consents, authorizations
METRICS = 30  # that are written all the time

# What one user does in a month.
SIGN_INS = 4
REFRESHES = 60
CHECKS = 300
USERS = (1_000, 100_000, 1_000_000)

SIGN_IN = ("authorize, a stranger", "sign-in page", "sign in", "consent page", "consent", "code exchange")


@dataclass(frozen=True, slots=True)
class Cost:
    """Dollars, by what they are paid for."""

    gateway: float = 0
    compute: float = 0
    database: float = 0
    logs: float = 0
    transfer: float = 0

    @property
    def total(self) -> float:
        return self.gateway + self.compute + self.database + self.logs + self.transfer

    def __add__(self, other: "Cost") -> "Cost":
        return Cost(*(getattr(self, name) + getattr(other, name) for name in self.__slots__))

    def times(self, count: float) -> "Cost":
        return Cost(*(getattr(self, name) * count for name in self.__slots__))


def memory_of_functions() -> Mapping[str, int]:
    """Megabytes of each function of the template, by its folder; of a choice, the default's."""
    template = (ROOT / "template.yaml").read_text()
    default = int(re.findall(r"^    MemorySize: (\d+)", template, re.MULTILINE)[0])
    resources = re.split(r"^  (?=\w+:$)", template, flags=re.MULTILINE)
    found = {}
    for resource in resources:
        if folder := re.search(r"CodeUri: functions/(\w+)", resource):
            memory = re.search(r"MemorySize: (?:!If \[\w+, \d+, )?(\d+)", resource)
            found[folder[1]] = int(memory[1]) if memory else default
    return found


MEMORY = memory_of_functions()


def request(flow: str, *, gateway: float = HTTP_API_REQUEST) -> Cost:
    """One request of a flow of the benchmark."""
    measured = FLOWS[flow]
    milliseconds = BASE_MS + ROUND_TRIP_MS * measured.round_trips + (PASSWORD_MS if flow == "sign in" else 0)
    return Cost(
        gateway=gateway,
        compute=LAMBDA_REQUEST + LAMBDA_GB_SECOND * MEMORY[measured.function] / 1024 * milliseconds / 1000,
        database=READ_UNIT * measured.read_units + WRITE_UNIT * measured.write_units,
        logs=LOG_GB * LOG_OCTETS / 1e9,
    )


def total(costs: Iterable[Cost]) -> Cost:
    return sum(costs, Cost())


def sign_in() -> Cost:
    """A first sign-in with a password and consent, from the authorization request to the tokens."""
    return total(map(request, SIGN_IN)) + Cost(transfer=TRANSFERRED_GB * PAGES_OCTETS / 1e9)


def check() -> Cost:
    """One call of an API that the Lambda authorizer decides about; the API's own price is not in it."""
    return request("authorizer", gateway=0)


def fixed() -> float:
    return KMS_KEY + METRIC * METRICS


def monthly(users: int, checks: int) -> float:
    """Dollars a month for so many active users, each of whose calls the authorizer checks `checks` times."""
    used = (sign_in().times(SIGN_INS) + request("refresh").times(REFRESHES) + check().times(checks)).times(users)
    return fixed() + used.total + users * STORED_OCTETS / 1e9 * STORED_GB


def edge_fixed() -> float:
    return WEB_ACL + WEB_ACL_RULE * WEB_ACL_RULES


def edge_request() -> float:
    """One request through CloudFront and AWS WAF, without what is sent."""
    return CLOUDFRONT_REQUEST + WEB_ACL_REQUEST


def edge_monthly(users: int) -> float:
    """Dollars a month that the edge adds for so many users, whose calls of your own APIs do not come through it."""
    return edge_fixed() + users * (SIGN_INS * len(SIGN_IN) + REFRESHES) * edge_request()


def dollars(amount: float) -> str:
    return f"${amount:,.0f}" if amount >= 100 else f"${amount:,.2f}"


def fixed_costs() -> str:
    """What each row of the monthly table has in it; a line of 120 characters at most."""
    metrics = METRIC * METRICS
    return (
        f"About ${fixed():.0f} of each is fixed once requests arrive: ${KMS_KEY:.0f} for the KMS key and"
        f" ${metrics:.0f} for {METRICS} CloudWatch metrics.\n"
    )


def _million(name: str, cost: Cost) -> str:
    parts = (cost.gateway, cost.compute, cost.database, cost.logs, cost.transfer, cost.total)
    return " | ".join([f"| {name}", *(f"{part * 1e6:,.2f}" for part in parts)]) + " |"


def monthly_table() -> str:
    """What some numbers of users cost a month; the README has it, too."""
    rows = [f"| {users:,} | {dollars(monthly(users, 0))} | {dollars(monthly(users, CHECKS))} |" for users in USERS]
    head = "| active users a month | your APIs check tokens themselves | the Lambda authorizer checks each call |"
    return "\n".join([head, "| --- | --- | --- |", *rows]) + "\n"


def readme(text: str) -> str:
    """The README with the table of today between its comments."""
    before, begin, rest = text.partition("<!-- Written by scripts/costs.py -->\n")
    _, end, after = rest.partition("<!-- End -->\n")
    if not end:
        raise ValueError("README.md has no comments between which the table of costs is")
    return f"{before}{begin}{monthly_table()}\n{fixed_costs()}{end}{after}"


def cost_page() -> str:
    millions = [
        _million("sign-in with password and consent, 6 requests", sign_in()),
        _million("code exchange", request("code exchange")),
        _million("refresh", request("refresh")),
        _million("client credentials", request("client_credentials")),
        _million("introspection", request("introspect")),
        _million("check by the Lambda authorizer", check()),
        _million("userinfo", request("userinfo")),
    ]
    return f"""# What it costs

A deployment pays for requests and for stored data, and has no price for each user. `scripts/costs.py` calculates this
page: `make docs` writes it, and a test fails if it is out of date. The capacity units are those that
`tests/coldstart/test_round_trips.py` asserts and `python -m bench flows` prints.

The prices are the list prices of AWS in us-east-1 in {PRICES_OF}, in US dollars, without free tiers, volume discounts
and taxes. Compare them with the [AWS pricing calculator](https://calculator.aws) before you rely on them.

## Per month

{monthly_table()}
{fixed_costs()}
One user signs in {SIGN_INS} times a month, refreshes tokens {REFRESHES} times, and makes {CHECKS} API calls.
The price of your own APIs is not included.

A stack that receives no requests costs {dollars(KMS_KEY)} per month, for its KMS key.

## Formula

```
cost per month = {dollars(KMS_KEY)} KMS key
               + {dollars(METRIC)} x {METRICS} CloudWatch metrics, while requests arrive
               + users x ({SIGN_INS} x sign-in + {REFRESHES} x refresh + {CHECKS} x check)
               + users x {STORED_OCTETS:,} octets x {dollars(STORED_GB)} per GB stored, with backups

request = {HTTP_API_REQUEST * 1e6:.2f} / 1,000,000 for the HTTP API (0 for the authorizer)
        + {LAMBDA_REQUEST * 1e6:.2f} / 1,000,000 + {LAMBDA_GB_SECOND:.10f} x GB x seconds for Lambda
        + {READ_UNIT * 1e6} / 1,000,000 x read units + {WRITE_UNIT * 1e6} / 1,000,000 x write units for DynamoDB
        + {LOG_GB:.2f} x {LOG_OCTETS:,} octets / 1 GB for its log line
```

## Per million

| what | API Gateway | Lambda | DynamoDB | logs | transfer | total, $ |
| --- | --- | --- | --- | --- | --- | --- |
{chr(10).join(millions)}

## Behind CloudFront

The edge of `make edge` costs {dollars(edge_fixed())} a month without requests: {dollars(WEB_ACL)} for the web ACL of
AWS WAF and {dollars(WEB_ACL_RULE)} for each of its {WEB_ACL_RULES} rules. A million requests cost
{dollars(edge_request() * 1e6)}: {dollars(CLOUDFRONT_REQUEST * 1e6)} for CloudFront in North America and Europe, and
{dollars(WEB_ACL_REQUEST * 1e6)} for AWS WAF. CloudFront sends a GB for ${CLOUDFRONT_GB}, which
replaces the ${TRANSFERRED_GB} of the API.

| active users a month | the edge adds |
| --- | --- |
{chr(10).join(f"| {users:,} | {dollars(edge_monthly(users))} |" for users in USERS)}

## Assumptions

The counts of requests, round trips and capacity units are exact for warm functions. The rest is assumed, and was not
measured on AWS:

- A request takes {BASE_MS} ms, and {ROUND_TRIP_MS} ms more for each DynamoDB call. A password check takes
  {PASSWORD_MS} ms more, in a function with 1 GB. Lambda's metric `Duration` has the times of your own deployment.
- Every sign-in is a first one, with a password and a consent page. A user with a session and a remembered consent
  causes one request instead of five.
- A log line takes {LOG_OCTETS:,} octets, the pages of a sign-in {PAGES_OCTETS // 1000} KB, and the stored data of
  one user {STORED_OCTETS // 1000} KB.
- {METRICS} CloudWatch metrics receive data all the time. CloudWatch charges for the hours in which a metric
  receives data.
- Cold starts, AWS X-Ray (`Tracing`), mails ($0.10 per 1,000) and a domain are not included.
- What you turn on is not included either. Per month: alarms $3.70 and their dashboard $3.00, beyond the account's first
  three dashboards (`AlarmTopic`); the canary $2.00 (`Canary`); the two alarms of a gradual `Deployment` $0.20.
- Events (`Events`) cost about $1.20 a million: $1.00 for EventBridge and at most $0.20 for Lambda, which reads the
  streams of the tables for nothing. A sign-in is two events, a refresh none.
- Webhooks (`Webhooks`) cost about $3.30 a million deliveries that are answered within 200 ms: $1.20 for three requests
  to SQS, $1.90 for Lambda, and the rest for DynamoDB. Lambda asks the queue for messages all the time, for less than
  $0.30 a month.
- The authorizer's cache is off, as it is by default, so that a revocation applies from the next call on.
"""
