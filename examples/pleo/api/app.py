"""Accounting data of companies, and employees of organisations. What the caller may reach, the authorizer checked."""

import json
from typing import Any
from urllib.parse import unquote

# By organisation and company: a company's identifier is its organisation's own, and another may use it as well.
ENTRIES = {
    ("acme", "acme-dk"): [{"text": "Coffee", "amount": "42.00 DKK"}],
    ("acme", "acme-de"): [{"text": "Train to Berlin", "amount": "59.90 EUR"}],
    ("acme", "acme-uk"): [{"text": "Tea", "amount": "3.20 GBP"}],
}
EMPLOYEES = {"acme": ["Olivia Owner", "Max Member"]}


def lambda_handler(event: dict[str, Any], _context: Any) -> dict[str, Any]:
    # REST APIs hand path parameters over as they were sent; the authorizer has compared what they mean.
    path = {name: unquote(value) for name, value in event["pathParameters"].items()}
    organisation = event["requestContext"]["authorizer"]["org"]
    match event["httpMethod"], event["resource"]:
        case "GET", "/companies/{company_id}/entries":
            return _answer(200, {"items": ENTRIES.get((organisation, path["company_id"]), [])})
        case "POST", "/companies/{company_id}/entries":
            return _answer(201, {"booked_for": path["company_id"]})
        case _:
            return _answer(200, {"items": EMPLOYEES.get(path["organisation_id"], [])})


def _answer(status: int, document: dict[str, Any]) -> dict[str, Any]:
    headers = {"Content-Type": "application/json", "Cache-Control": "no-store"}
    return {"statusCode": status, "headers": headers, "body": json.dumps(document)}
