"""Every function of the template in this process, each with its own environment, on simulated AWS."""

import copy
import importlib
import json
import os
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from types import ModuleType
from typing import Any
from unittest.mock import patch
from weakref import WeakSet

import boto3
from argon2 import Parameters
from argon2.profiles import CHEAPEST
from botocore.config import Config
from botocore.retries.quota import RetryQuota

import authserver.aws.bootstrap
import authserver.identity.password
import authserver.resources
from authserver.aws.dynamodb.reader import Reader
from authserver.aws.lean.client import LeanService
from authserver.resources import RememberedResources
from authserver.scopes import RememberedScopes
from local.intrinsics import REGION, Resolver
from local.parameters import check_rules, choose_parameters
from local.seed import Place, plant, read
from local.stack import Builder, Stack
from local.template import expanded, read_template
from tests.functions.simulated_aws import SimulatedAws
from tests.ministack import PLAIN

ROOT = Path(__file__).parents[2]
TEMPLATE = ROOT / "template.yaml"
FUNCTIONS = tuple(sorted(folder.name for folder in (ROOT / "functions").iterdir() if (folder / "app.py").is_file()))
# Functions that there are with these parameters alone.
OPTIONAL: Mapping[str, Mapping[str, str]] = {
    "publish": {"Events": "On"},
    "deliver": {"Events": "On", "Webhooks": "On"},
}


class Clock:
    """The functions' clock, which stands still unless a test lets time pass."""

    def __init__(self) -> None:
        self.began = time.time()
        self.ahead = 0.0

    def time(self) -> float:
        return self.began + self.ahead

    def monotonic(self) -> float:
        return self.ahead

    def sleep(self, seconds: float) -> None:
        """Lets the time pass after which other instances know of a change."""
        self.pass_by(seconds)

    def pass_by(self, seconds: float) -> None:
        self.ahead += seconds


class Forgetful:
    """What a function remembers, by its methods; it can be made to remember nothing, as if the function had just begun.

    `make` gives one that remembers nothing.
    """

    def __init__(self, make: Callable[[], Any]) -> None:
        self._make = make
        self.forget()

    def forget(self) -> None:
        self._made: Any = None  # until it is asked: most functions are not before the next time

    def _now(self) -> Any:
        if self._made is None:
            self._made = self._make()
        return self._made

    def __call__(self) -> Any:
        return self._now()()

    def __getattr__(self, name: str) -> Callable[..., Any]:
        return lambda *arguments: getattr(self._now(), name)(*arguments)


class World:
    """The stack. `functions` are loaded once and stay warm; `load` gives one that has just started."""

    def __init__(self, client: str = "lean", hashing: Parameters = CHEAPEST) -> None:
        """`client` is what functions call AWS by: ``lean`` as where they are deployed, or ``boto3``.

        `hashing` is what passwords cost. A deployment's is ``argon2.profiles.RFC_9106_LOW_MEMORY``.
        """
        self.aws = SimulatedAws()
        self.aws.invoke = self._invoked
        self._aws_client = client
        self._hashing = hashing
        self._client = cache(self._one_client)
        self.clock = Clock()
        self._template = read_template(TEMPLATE)
        self._keys: list[tuple[str, str]] = []
        self._others: dict[tuple[tuple[str, str], ...], Stack] = {}  # by the parameters they were built with
        self._memories: WeakSet[Forgetful] = WeakSet()
        self.stack = self._build({}, make=True)
        self._handlers: dict[str, Any] = {}
        self._decisions: dict[str, Any] | None = None
        with self._simulated(), patch.dict(os.environ, self._environment("token"), clear=True):
            names = ("ClientsTable", "UsersTable", "TokensTable", "ConfigurationTable", "AuditTable", "WrappingKey")
            seed = read(ROOT / "local" / "seed.json").model_copy(update={"organisations": []})  # tests give their own
            plant(seed, Place(*(f"authserver-{name}" for name in names)))
        self.unborn = self.aws.snapshot()  # no keys yet
        self.invoke("rotate_keys", {})
        self.keep()
        self.aws.calls.clear()

    @property
    def issuer(self) -> str:
        return f"https://{self.domain}"

    @property
    def domain(self) -> str:
        assert self.stack.http_api
        return f"{self.stack.http_api.id}.execute-api.{REGION}.amazonaws.com"

    @property
    def resource(self) -> str:
        assert self.stack.http_api
        return self.stack.http_api.stage_variables["resource"]

    def reset(self) -> None:
        """As at the start: the seed and fresh keys, which functions know already."""
        if self.aws.changed:
            self.restore(self._start)
            self.aws.changed = False
        self.aws.plan = None
        self.aws.calls.clear()
        self.aws.invocations.clear()
        self.aws.mails.clear()
        self.aws.events.clear()
        self.aws.messages.clear()
        self.aws.sent.clear()
        self.aws.postponed.clear()
        self.clock.ahead = 0.0

    def restore(self, snapshot: Mapping[str, Any]) -> None:
        """What was stored before. No function remembers anything of what has been stored since, but its keys."""
        self.aws.restore(snapshot)
        for memory in self._memories:
            memory.forget()

    def keep(self) -> None:
        """What is stored now is what `reset` goes back to."""
        self._start = self.aws.snapshot()

    def close(self) -> None:
        self.aws.close()

    # -- functions

    def invoke(self, name: str, event: Any) -> Any:
        """What the function's handler returns, or raises."""
        if name == "authorizer" and self._decisions is not None:
            return self._decided(self._decisions, event)
        if name not in self._handlers:
            self._handlers[name] = self.load(name)
        return self.run(name, self._handlers[name], event)

    def _decided(self, decisions: dict[str, Any], event: Any) -> Any:
        asked = json.dumps(event, sort_keys=True)
        if asked not in decisions:
            with self.deciding(None):
                decisions[asked] = self.invoke("authorizer", event)
        return copy.deepcopy(decisions[asked])

    def deliver(self) -> None:
        """What was ordered, as Lambda would: each order is an event of its function."""
        while self.aws.invocations:
            logical_id, event = self.aws.invocations.pop(0)
            self.invoke(self.stack.functions[logical_id].code.name, event)

    def _invoked(self, logical_id: str, event: Any) -> Any:
        """What a function answers that another one invokes and waits for."""
        caller = self.aws.caller
        try:
            return self.invoke(self.stack.functions[logical_id].code.name, event)
        finally:
            self.aws.caller = caller

    def run(self, name: str, module: ModuleType, event: Any) -> Any:
        """The same for a function that `load` gave."""
        self.aws.caller = name
        # What makes its client with its first call makes it here, and what remembers resources.
        clock = patch.object(authserver.aws.bootstrap, "time", self.clock)
        resources = patch.object(authserver.resources, "RememberedResources", self._forgetful(RememberedResources))
        with clock, resources, patch.object(boto3, "client", self._client):
            return module.lambda_handler(event, None)

    @contextmanager
    def using(self, **modules: ModuleType) -> Iterator[None]:
        """Functions that take the place of the warm ones."""
        before = dict(self._handlers)
        self._handlers |= modules
        try:
            yield
        finally:
            self._handlers = before

    @contextmanager
    def starting_anew(self) -> Iterator[None]:
        """Each function starts when it is first called."""
        before, self._handlers = self._handlers, {}
        try:
            yield
        finally:
            self._handlers = before

    @contextmanager
    def deciding(self, decisions: dict[str, Any] | None) -> Iterator[None]:
        """The authorizer answers as it did to the same event, which `decisions` keep: nothing else is stored now than
        was then. None is that it is asked each time."""
        before, self._decisions = self._decisions, decisions
        try:
            yield
        finally:
            self._decisions = before

    def load(self, name: str, **parameters: str) -> ModuleType:
        """A newly started instance, under these template parameters."""
        module = f"functions.{name}.app"
        sys.modules.pop(module, None)
        self.aws.caller = name
        environment = patch.dict(os.environ, self._environment(name, **parameters), clear=True)
        with self._simulated(), environment, patch.object(authserver.aws.bootstrap, "time", self.clock):
            loaded = importlib.import_module(module)
            if services := getattr(loaded, "services", None):
                services.passwords.load()  # which functions do when they need it: by then hashing is not cheap any more
            return loaded

    def environment(self, name: str) -> Mapping[str, str]:
        """What a function finds in its environment."""
        return self._environment(name)

    def _environment(self, name: str, **parameters: str) -> dict[str, str]:
        parameters = {**OPTIONAL.get(name, {}), **parameters}
        stack = self._with(parameters) if parameters else self.stack
        (function,) = (one for one in stack.functions.values() if one.code == ROOT / "functions" / name)
        return {**function.environment, **LAMBDA_ENVIRONMENT, "AWS_CLIENT": self._aws_client}

    def _with(self, parameters: Mapping[str, str]) -> Stack:
        chosen = tuple(sorted(parameters.items()))
        if chosen not in self._others:
            self._others[chosen] = self._build(parameters)
        return self._others[chosen]

    def _forgetful(self, kind: type[Any]) -> Callable[..., Forgetful]:
        def make(*arguments: Any) -> Forgetful:
            memory = Forgetful(lambda: kind(*arguments))
            self._memories.add(memory)
            return memory

        return make

    def _one_client(self, service: str, **options: Any) -> Any:
        """All functions share it, since making one takes as long as ten calls. None may exhaust another's retries."""
        session: Any = boto3.Session(botocore_session=self.aws.session)
        with patch.object(RetryQuota, "INITIAL_CAPACITY", 10**9):
            return session.client(service, **options | {"config": options.get("config", Config()).merge(PLAIN)})

    @contextmanager
    def _simulated(self) -> Iterator[None]:
        clients = patch.object(boto3, "client", self._client)
        bootstrap = authserver.aws.bootstrap
        reader = patch.object(bootstrap, "Reader", self._forgetful(Reader))
        scopes = patch.object(bootstrap, "RememberedScopes", self._forgetful(RememberedScopes))
        # Verification takes the parameters of the hash: what is hashed cheaply is verified cheaply.
        lean = patch.object(LeanService, "from_environ", lambda protocol, *_: self.aws.lean(protocol))
        passwords = patch.object(authserver.identity.password, "RFC_9106_LOW_MEMORY", self._hashing)
        with clients, lean, reader, scopes, passwords:
            yield

    def _build(self, given: Mapping[str, str], *, make: bool = False) -> Stack:
        parameters = choose_parameters(self._template["Parameters"], given, {"DeletionProtection": "false"})
        resolver = Resolver(parameters, self._template["Conditions"], self.aws.account)
        check_rules(self._template["Rules"], resolver)
        builder = Builder(expanded(self._template, parameters), resolver, ROOT)
        if make:
            self._keys = [self.aws.make_key(key) for key in builder.kms_keys()]
            for table in builder.tables():
                self.aws.make_table(table)
        for key, made in zip(builder.kms_keys(), self._keys, strict=True):
            builder.key_made(key, *made)
        return builder.stack()


LAMBDA_ENVIRONMENT = {
    "AWS_REGION": REGION,
    "AWS_DEFAULT_REGION": REGION,
    "AWS_ACCESS_KEY_ID": "local",
    "AWS_SECRET_ACCESS_KEY": "local",
    "AWS_CONFIG_FILE": os.devnull,
    "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
    "AWS_EC2_METADATA_DISABLED": "true",
    "PATH": os.environ.get("PATH", ""),
}
