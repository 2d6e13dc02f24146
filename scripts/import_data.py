"""Makes a stack of tables and a key that are there already, for `make deploy` to complete.

    python -m scripts.import_data --stack authserver ClientsTable=… UsersTable=… TokensTable=… KeysTable=… \
        ConfigurationTable=… WrappingKey=…

CloudFormation imports what no stack has, and nothing else in the same step: docs/operations/reattach.md.
"""

import argparse
import json
import sys
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import boto3
from botocore.exceptions import BotoCoreError, ClientError, WaiterError

from authserver_cli.region import take_region
from local.template import read_template
from scripts.deploy import Refused, pairs
from scripts.given_data import Template, data_of

TEMPLATE = Path(__file__).parent.parent / "template.yaml"
CHANGE_SET = "import-data"
MAY_BE_MADE = ("AuditTable",)
"""Nothing else refers to what is in it: where it is gone, or is to begin anew, the next deployment makes it."""
_IDENTIFIERS = {"AWS::DynamoDB::Table": "TableName", "AWS::KMS::Key": "KeyId"}


def main(arguments: Sequence[str] | None = None) -> int:
    """The exit code."""
    parser = argparse.ArgumentParser(prog="python -m scripts.import_data", description=__doc__.partition("\n")[0])
    parser.add_argument("--stack", required=True, help="the name of the stack, which must not exist")
    parser.add_argument("data", nargs="+", metavar="NAME=VALUE", help="each table's name, and the key's ARN")
    options = parser.parse_args(arguments)
    template = read_template(TEMPLATE)
    take_region()
    try:
        import_data(boto3.client("cloudformation"), options.stack, template, pairs(options.data))
    except (Refused, BotoCoreError, ClientError, WaiterError) as error:
        print(f"Not imported: {error}", file=sys.stderr)
        return 1
    print(f"The stack {options.stack} has the tables and the key. Next: make deploy STACK={options.stack}")
    return 0


def import_data(client: Any, stack: str, template: Template, given: Mapping[str, str]) -> None:
    """Creates the stack. Raises `Refused`, or what boto3 raises."""
    data = {name: kind for name, kind in data_of(template).items() if name in given or name not in MAY_BE_MADE}
    if given.keys() != data.keys():
        raise Refused(f"Say all of {', '.join(data)}, and nothing else.")
    client.create_change_set(
        StackName=stack,
        ChangeSetName=CHANGE_SET,
        ChangeSetType="IMPORT",
        TemplateBody=json.dumps(data_alone(template, data), separators=(",", ":")),
        Parameters=[{"ParameterKey": "DeletionProtection", "ParameterValue": "true"}],
        ResourcesToImport=[
            {
                "ResourceType": kind,
                "LogicalResourceId": name,
                "ResourceIdentifier": {_IDENTIFIERS[kind]: given[name].rpartition("key/")[2]},
            }
            for name, kind in data.items()
        ],
    )
    often = {"Delay": 2, "MaxAttempts": 300}
    client.get_waiter("change_set_create_complete").wait(StackName=stack, ChangeSetName=CHANGE_SET, WaiterConfig=often)
    client.execute_change_set(StackName=stack, ChangeSetName=CHANGE_SET)
    client.get_waiter("stack_import_complete").wait(StackName=stack, WaiterConfig=often)


def data_alone(template: Template, data: Iterable[str]) -> Template:
    """The template with these tables and the key alone."""
    resources = {name: one for name, one in template["Resources"].items() if name in data}
    written = json.dumps([resources, template["Conditions"]], default=str)
    return {
        "AWSTemplateFormatVersion": template["AWSTemplateFormatVersion"],
        "Parameters": {name: one for name, one in template["Parameters"].items() if f'"{name}"' in written},
        "Conditions": template["Conditions"],
        "Resources": resources,
    }


if __name__ == "__main__":
    sys.exit(main())
