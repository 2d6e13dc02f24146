from typing import Any

import pytest

from local.policies import MalformedPolicyError, evaluate

ARN = "arn:aws:execute-api:eu-central-1:1:abc/v1/GET/items/7"


def statement(effect: str = "Allow", resource: Any = ARN, action: Any = "execute-api:Invoke") -> dict[str, Any]:
    return {"Effect": effect, "Action": action, "Resource": resource}


@pytest.mark.parametrize(
    ("statements", "allowed", "denied"),
    [
        ([statement()], True, False),
        (statement(), True, False),
        ([statement(resource="*")], True, False),
        ([statement(resource="arn:aws:execute-api:*:*:abc/v1/GET/*")], True, False),
        ([statement(resource=ARN.replace("GET", "?ET"))], True, False),
        ([statement(resource=ARN.replace("GET", "??ET"))], False, False),
        ([statement(resource=ARN.replace(".", "x") + "0")], False, False),
        ([statement(resource=["arn:other", ARN])], True, False),
        ([statement(action="execute-api:*")], True, False),
        ([statement(action=["execute-api:ManageConnections"])], False, False),
        ([statement(), statement("Deny", "*")], False, True),
        ([statement("Deny"), statement(resource="*")], False, True),
        ([statement(), statement("Deny", "arn:other")], True, False),
        ([], False, False),
    ],
)
def test_policy_evaluated_deny_wins_and_default_is_no(statements: Any, allowed: bool, denied: bool) -> None:
    assert evaluate({"Statement": statements}, ARN) == (allowed, denied)


@pytest.mark.parametrize(
    "document",
    [
        None,
        "Allow",
        {},
        {"Statement": ["Allow"]},
        {"Statement": [{**statement(), "Condition": {}}]},
        {"Statement": [{**statement(), "NotResource": "*"}]},
        {"Statement": [statement(effect="allow")]},
        {"Statement": [statement(resource=None)]},
        {"Statement": [statement(action=7)]},
    ],
)
def test_policy_not_understood_lets_nobody_in(document: Any) -> None:
    with pytest.raises(MalformedPolicyError):
        evaluate(document, ARN)
