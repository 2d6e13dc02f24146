"""`make edge` and `make edge-secret`: CloudFront and AWS WAF in front of a stack, and the secret between them.

The edge is a stack of its own in us-east-1 (stacks/edge.yaml), called after the stack and its region: stacks of one
name in two regions have an edge each. It has the secret that CloudFront adds to each request; the stack has its SHA-256
digest, for each API that requires the secret. No file and no log has the secret: it is made here, and given to
CloudFormation at once. docs/deploy.md says when to run which.
"""

import argparse
import hashlib
import secrets
import sys
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import boto3
from botocore.exceptions import BotoCoreError, ClientError, WaiterError

from authserver_cli.region import take_region
from local.__main__ import split_parameters
from scripts.deploy import Refused, deletion, described, pairs, require_account

ROOT = Path(__file__).parent.parent
TEMPLATE = ROOT / "stacks" / "edge.yaml"
REGION = "us-east-1"  # where CloudFront takes certificates and web ACLs from
LONGEST = 128 - len("-documents")
"""What an edge may be called: of 128 characters that CloudFront takes for the name of a policy."""

DIGESTS = {"AuthOriginSecretDigests": "AuthEdgeTarget", "OriginSecretDigests": "EdgeTarget"}
"""The parameters of the stack by which an API requires the secret, and those by which it has an edge."""

SETTLED = (
    *("CREATE_COMPLETE", "UPDATE_COMPLETE", "UPDATE_ROLLBACK_COMPLETE"),
    *("IMPORT_COMPLETE", "IMPORT_ROLLBACK_COMPLETE"),
)
"""What CloudFormation says of a stack that it would update."""

UNDER_WAY = "_IN_PROGRESS"
SECONDS_BETWEEN_LOOKS = 15
LOOKS = 240  # an hour, as CloudFormation's waiters have it

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
        self.is_changed = False  # from here
        self.look()

    def look(self) -> None:
        found = described(self._session, self.name)
        self.exists = bool(found)
        self.status = str(found.get("StackStatus", ""))
        self.parameters = {one["ParameterKey"]: one["ParameterValue"] for one in found.get("Parameters", [])}
        self.outputs = {one["OutputKey"]: one["OutputValue"] for one in found.get("Outputs", [])}

    @property
    def is_under_way(self) -> bool:
        return self.status.endswith(UNDER_WAY)

    def create(self, template: str, parameters: Mapping[str, str]) -> None:
        """Raises `Refused` if the name is taken: by another run, or by a change set, whose stack `described` takes for
        none."""
        try:
            self._cloudformation.create_stack(StackName=self.name, TemplateBody=template, Parameters=_given(parameters))
        except ClientError as error:
            if error.response["Error"]["Code"] != "AlreadyExistsException":
                raise
            self.look()
            if self.exists:
                raise Refused(f"Another run has made the stack {self.name} meanwhile.") from None
            raise Refused(
                f"The name {self.name} is that of a change set whose stack was never created. Delete it first:"
                f" {deletion(self._session, self.name)}"
            ) from None
        self.is_changed = True
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
            self.is_changed = True
            self._cloudformation.get_waiter("stack_update_complete").wait(StackName=self.name)
        self.look()


def settle(stacks: Sequence[Stack]) -> None:
    """Returns when CloudFormation would update each stack that there is: what an earlier run began goes on without it.

    What is known of all of them is from after the last wait, since an earlier run may have changed one while another
    was waited for. Raises `Refused` if that takes too long, or if CloudFormation would not update a stack.
    """
    for _ in range(LOOKS):
        under_way = [one for one in stacks if one.is_under_way]
        if not under_way:
            break
        for one in under_way:
            print(f"Waiting for the stack {one.name}, which is {one.status}.", flush=True)
        time.sleep(SECONDS_BETWEEN_LOOKS)
        for one in stacks:
            one.look()
    for one in stacks:
        if one.exists and one.status not in SETTLED:
            raise Refused(f"The stack {one.name} is {one.status}. Read why in its events, and run this again after.")


def _given(parameters: Mapping[str, str]) -> list[dict[str, Any]]:
    return [{"ParameterKey": name, "ParameterValue": value} for name, value in parameters.items()]


def main(arguments: Sequence[str] | None = None) -> int:
    """The exit code: 2 where nothing is begun, 1 where CloudFormation fails."""
    options = _options(arguments)
    stacks: list[Stack] = []
    try:
        take_region()
        session = boto3.Session()
        require_account(session)
        name = edge_name(options.stack, str(session.region_name))
        stacks += [Stack(session, options.stack), Stack(boto3.Session(region_name=REGION), name)]
        settle(stacks)
        stack, edge = stacks
        if options.rotate:
            rotate(stack, edge)
            print(f"{stack.name} takes requests with the new secret of {edge.name}, and no others.")
        else:
            deploy(stack, edge, pairs(split_parameters(options.parameters)))
            print(next_steps(stack, edge))
    except Refused as refused:
        if any(one.is_changed for one in stacks):
            print(f"Not finished: {refused}\nThen run it again.", file=sys.stderr)
            return 1
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


def edge_name(stack: str, region: str) -> str:
    """The edge of the stack of this name in this region. Raises `Refused`."""
    name = f"{stack}-edge-{region}"
    if len(name) > LONGEST:
        raise Refused(f"The edge would be called {name}, which is longer than {LONGEST} characters.")
    return name


def digest(secret: str) -> str:
    return hashlib.sha256(secret.encode()).hexdigest()


def new_secret() -> dict[str, str]:
    """The parameters of an edge with another secret, of 256 bits."""
    secret = secrets.token_urlsafe(32)
    return {"OriginSecret": secret, "OriginSecretDigest": digest(secret)}


# ------------------------------------------------------------------ the edge


def deploy(stack: Stack, edge: Stack, given: Mapping[str, str]) -> None:
    """Creates the edge or updates it, and leads the stack's DNS records there. Raises `Refused`.

    An API that did not require the secret still does not: resolvers remember for a while where its name led. One that
    does takes this edge's before its name leads here, also where the edge is made in place of another.
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
    if missing := _missing(stack, edge):
        stack.update(missing)
    stack.update({name: edge.outputs.get(name, "") for name in DIGESTS.values()})


def _missing(stack: Stack, edge: Stack) -> dict[str, str]:
    """The digests of each API that requires another secret than the edge's, and this one with them."""
    digests = {name: stack.parameters[name].split(",") for name in DIGESTS if stack.parameters[name]}
    present = edge.outputs["OriginSecretDigest"]
    return {name: f"{taken[0]},{present}" for name, taken in digests.items() if present not in taken}


def places_of(stack: Stack) -> dict[str, str]:
    """The parameters by which the edge knows the stack. Raises `Refused` if the stack cannot have an edge."""
    if not DIGESTS.keys() <= stack.parameters.keys():
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
    first run is what makes the stack require one. Each step that is waited for takes minutes, in which another run can
    have changed the other stack: the next step would then be of what is no more.
    """
    if not edge.exists:
        raise Refused(_no_edge(stack, edge))
    requiring = [name for name, target in DIGESTS.items() if name in stack.parameters and stack.parameters.get(target)]
    if not requiring:
        raise Refused(f"The stack leads to no edge. Run make edge STACK={stack.name} first.")
    present, fresh = edge.outputs["OriginSecretDigest"], new_secret()
    both = dict.fromkeys(requiring, f"{present},{fresh['OriginSecretDigest']}")
    stack.update(both)
    edge.look()
    if edge.is_under_way or edge.outputs.get("OriginSecretDigest") != present:
        raise Refused(f"Another run has changed the stack {edge.name} meanwhile.")
    edge.update(fresh)
    stack.look()
    if stack.is_under_way or not both.items() <= stack.parameters.items():
        raise Refused(f"Another run has changed the stack {stack.name} meanwhile.")
    stack.update(dict.fromkeys(requiring, fresh["OriginSecretDigest"]))


def _no_edge(stack: Stack, edge: Stack) -> str:
    """What to do where the stack leads to a distribution and the edge is not there: it was deleted, or it has the name
    that an earlier version gave it. CloudFront takes a domain for one distribution alone."""
    targets = [one for one in map(stack.parameters.get, DIGESTS.values()) if one]
    if not targets:
        return f"There is no edge {edge.name}. Make it first: make edge STACK={stack.name}"
    return (
        f"There is no edge {edge.name}, and the stack leads to {' and '.join(targets)}. If that is of a stack of"
        f" another name, such as {stack.name}-edge, go back and delete it first, as docs/deploy.md says. Then make it:"
        f" make edge STACK={stack.name} with CertificateArn"
    )


def next_steps(stack: Stack, edge: Stack) -> str:
    """What is left to do after `make edge`."""
    domains = {"AuthEdgeTarget": "AuthDomainName", "EdgeTarget": "DomainName"}
    led = {
        stack.parameters[domains[target]]: (edge.outputs[target], stack.parameters[digests])
        for digests, target in DIGESTS.items()
        if target in edge.outputs
    }
    records = "The DNS records lead there now:" if stack.parameters["HostedZoneId"] else "Point your DNS records there:"
    told = [f"{edge.name} is deployed. {records}", *(f"  {domain}: {target}" for domain, (target, _) in led.items())]
    command = f"make edge-secret STACK={stack.name}"
    if past := [domain for domain, (_, digests) in led.items() if not digests]:
        told.append(f"Past the edge, {' and '.join(past)} still answers. When all requests come through it: {command}")
    elif any(digests != edge.outputs["OriginSecretDigest"] for _, digests in led.values()):
        told.append(f"The stack still takes another secret than that of this edge. To take this one alone: {command}")
    return "\n".join(told)


if __name__ == "__main__":
    sys.exit(main())
