"""`make edge` and `make edge-secret`: CloudFront and AWS WAF in front of a stack, and the secret between them.

The edge is a stack of its own in us-east-1, called after the stack with `-edge` behind it (stacks/edge.yaml). It has
the secret that CloudFront adds to each request; the stack has its SHA-256 digest. No file and no log has the secret: it
is made here, and given to CloudFormation at once. docs/deploy.md says when to run which.
"""

import argparse
import hashlib
import secrets
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import boto3
from botocore.exceptions import BotoCoreError, ClientError, WaiterError

from authserver_cli.region import take_region
from local.__main__ import split_parameters
from scripts.deploy import Refused, described, pairs, require_account

ROOT = Path(__file__).parent.parent
TEMPLATE = ROOT / "stacks" / "edge.yaml"
REGION = "us-east-1"  # where CloudFront takes certificates and web ACLs from
SUFFIX = "-edge"
CHOSEN = {
    *("AccessLogs", "CertificateArn", "LogRetentionDays", "ManagedRules"),
    *("PriceClass", "RequestsPerAddress", "SignInsPerAddress"),
}
"""The parameters of the edge that an operator gives."""

CAPABILITIES = ["CAPABILITY_IAM", "CAPABILITY_AUTO_EXPAND"]

COSTS = """Without requests, the edge costs per month (list prices): $5.00 for the web ACL of AWS WAF and $1.00 for each
of its 3 rules. A million requests cost $1.00 for CloudFront and $0.60 for AWS WAF; a GB that is sent, $0.085.
"""


class Stack:
    """A CloudFormation stack; its `parameters` and `outputs` by name, as they were when it was looked at last."""

    def __init__(self, session: boto3.Session, name: str) -> None:
        """Raises `Refused` if CloudFormation cannot tell of it."""
        self.name = name
        self._session = session
        self._cloudformation: Any = session.client("cloudformation")
        self.look()

    def look(self) -> None:
        found = described(self._session, self.name)
        self.exists = bool(found)
        self.parameters = {one["ParameterKey"]: one["ParameterValue"] for one in found.get("Parameters", [])}
        self.outputs = {one["OutputKey"]: one["OutputValue"] for one in found.get("Outputs", [])}

    def create(self, template: str, parameters: Mapping[str, str]) -> None:
        self._cloudformation.create_stack(StackName=self.name, TemplateBody=template, Parameters=_given(parameters))
        self._cloudformation.get_waiter("stack_create_complete").wait(StackName=self.name)
        self.look()

    def update(self, changed: Mapping[str, str], template: str = "") -> None:
        """Changes these parameters, and returns when that is done: of a distribution, when CloudFront has it
        everywhere. Without a `template`, everything else stays as it is."""
        kept = [{"ParameterKey": name, "UsePreviousValue": True} for name in self.parameters if name not in changed]
        body: dict[str, Any] = {"TemplateBody": template} if template else {"UsePreviousTemplate": True}
        try:
            self._cloudformation.update_stack(
                StackName=self.name, Parameters=[*_given(changed), *kept], Capabilities=CAPABILITIES, **body
            )
        except ClientError as error:
            if "No updates are to be performed" not in str(error):
                raise
        else:
            self._cloudformation.get_waiter("stack_update_complete").wait(StackName=self.name)
        self.look()


def _given(parameters: Mapping[str, str]) -> list[dict[str, Any]]:
    return [{"ParameterKey": name, "ParameterValue": value} for name, value in parameters.items()]


def main(arguments: Sequence[str] | None = None) -> int:
    """The exit code: 2 where nothing is begun, 1 where CloudFormation fails."""
    options = _options(arguments)
    try:
        take_region()
        session = boto3.Session()
        require_account(session)
        stack = Stack(session, options.stack)
        edge = Stack(boto3.Session(region_name=REGION), options.stack + SUFFIX)
        if options.rotate:
            rotate(stack, edge)
            print(f"{stack.name} takes requests with the new secret of {edge.name}, and no others.")
        else:
            deploy(stack, edge, pairs(split_parameters(options.parameters)))
            print(next_steps(stack, edge))
    except Refused as refused:
        print(f"Nothing is done: {refused}", file=sys.stderr)
        return 2
    except (BotoCoreError, ClientError, WaiterError) as error:
        print(f"Not finished: {error}\nRead why in the events of the stack, then run it again.", file=sys.stderr)
        return 1
    return 0


def _options(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m scripts.edge", description=__doc__.partition("\n")[0])
    parser.add_argument("--stack", required=True, help="the stack that is to be behind CloudFront")
    parser.add_argument("--parameters", default="", metavar="'NAME=VALUE ...'", help="those of stacks/edge.yaml")
    parser.add_argument("--rotate", action="store_true", help="require the secret, and replace it")
    return parser.parse_args(arguments)


def digest(secret: str) -> str:
    return hashlib.sha256(secret.encode()).hexdigest()


def new_secret() -> dict[str, str]:
    """The parameters of an edge with another secret, of 256 bits."""
    secret = secrets.token_urlsafe(32)
    return {"OriginSecret": secret, "OriginSecretDigest": digest(secret)}


# ------------------------------------------------------------------ the edge


def deploy(stack: Stack, edge: Stack, given: Mapping[str, str]) -> None:
    """Creates the edge or updates it, and leads the stack's DNS records there. Raises `Refused`.

    Requests are still taken past it: resolvers remember for a while where the names led.
    """
    places = places_of(stack)
    if unknown := given.keys() - CHOSEN:
        raise Refused(f"{', '.join(sorted(unknown))}: docs/deploy.md has the parameters of the edge.")
    if not edge.exists and "CertificateArn" not in given:
        raise Refused("A new edge needs CertificateArn: a certificate in us-east-1 for the domains of the stack.")
    print(COSTS, flush=True)
    template = TEMPLATE.read_text(encoding="utf-8")
    if edge.exists:
        edge.update({**given, **places}, template)
    else:
        edge.create(template, {**given, **places, **new_secret()})
    stack.update({name: edge.outputs.get(name, "") for name in ("AuthEdgeTarget", "EdgeTarget")})


def places_of(stack: Stack) -> dict[str, str]:
    """The parameters by which the edge knows the stack. Raises `Refused` if the stack cannot have an edge."""
    if "OriginSecretDigests" not in stack.parameters:
        raise Refused(
            f"There is no stack {stack.name} of this release. Deploy it first: make deploy STACK={stack.name}"
        )
    places = {
        "AuthDomainName": stack.parameters["AuthDomainName"],
        "AuthOrigin": stack.outputs.get("AuthDomainTarget", ""),
        "DomainName": stack.parameters["DomainName"],
        "Origin": stack.outputs.get("DomainTarget", ""),
    }
    if not any(places.values()):
        raise Refused("CloudFront needs a name of your own: deploy the stack with AuthDomainName, DomainName or both.")
    return places


# ------------------------------------------------------------------ its secret


def rotate(stack: Stack, edge: Stack) -> None:
    """Replaces the secret, refusing no request that comes through the edge. Raises `Refused`.

    The stack takes both secrets before CloudFront has the new one, and the new one alone only when CloudFront has it
    everywhere. Whatever of this was interrupted, the next run begins with the secret that the edge says it has. The
    first run is what makes the stack require one.
    """
    if not edge.exists:
        raise Refused(f"There is no edge. Make it first: make edge STACK={stack.name}")
    if not any(stack.parameters.get(name) for name in ("AuthEdgeTarget", "EdgeTarget")):
        raise Refused(f"The stack leads to no edge. Run make edge STACK={stack.name} first.")
    fresh = new_secret()
    stack.update({"OriginSecretDigests": f"{edge.outputs['OriginSecretDigest']},{fresh['OriginSecretDigest']}"})
    edge.update(fresh)
    stack.update({"OriginSecretDigests": fresh["OriginSecretDigest"]})


def next_steps(stack: Stack, edge: Stack) -> str:
    """What is left to do after `make edge`."""
    targets = [
        f"  {stack.parameters[domain]}: {edge.outputs[target]}"
        for domain, target in (("AuthDomainName", "AuthEdgeTarget"), ("DomainName", "EdgeTarget"))
        if target in edge.outputs
    ]
    records = "The DNS records lead there now:" if stack.parameters["HostedZoneId"] else "Point your DNS records there:"
    if stack.parameters["OriginSecretDigests"]:
        return "\n".join([f"The edge of {stack.name} is as its parameters say. {records}", *targets])
    then = (
        f"The APIs still answer past the edge. When all requests come through it: make edge-secret STACK={stack.name}"
    )
    return "\n".join([f"{edge.name} is deployed. {records}", *targets, then])


if __name__ == "__main__":
    sys.exit(main())
