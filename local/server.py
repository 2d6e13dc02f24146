"""The development server, whole: from the template to two APIs that answer."""

import time
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

from local import callback
from local.errors import RefusedError
from local.exchange import message
from local.fork_server import ForkServer
from local.functions import Functions
from local.http_api import HttpApi, Route, read_routes
from local.http_server import Handler, HttpServer, Request, Response, listen
from local.intrinsics import Resolver
from local.logs import SERVER, Log
from local.outbox import PATH as OUTBOX
from local.parameters import check_rules, choose_parameters
from local.reload import Reloader
from local.rest_api import RestApi, read_document
from local.routes import matching
from local.schedules import Schedules
from local.stack import Builder, Schedule, Stack, token_hook_of
from local.template import expanded, read_template, with_resources
from local.workers import FunctionError, access_key_id

if TYPE_CHECKING:
    from local.aws import Aws
    from local.seed import Planted

TEMPLATE = Path(__file__).parent.parent / "template.yaml"

_ADDRESSES = ("Issuer", "ResourceUrl")  # parameters that may differ from start to start


class DevelopmentServer:
    """Serves the template's two APIs on loopback, as a context manager.

    After the start: `issuer` and `resource` are the APIs' addresses, `outbox` that of the page with the mails that were
    sent, `endpoint_url` is AWS's, and `planted` is what the seed put into the tables (None without a seed). Ports may
    be 0, for any free one. `host` is the name of loopback in those addresses; both names are answered.
    Errors at the start: `StartupError`.
    """

    issuer: str
    resource: str
    outbox: str
    endpoint_url: str
    planted: "Planted | None" = None

    def __init__(
        self,
        *,
        parameters: Mapping[str, str] | None = None,
        port: int = 0,
        resource_port: int = 0,
        host: str = "127.0.0.1",
        seed: Path | None = None,
        log: Path | None = None,
        json: bool = False,
        template: Path = TEMPLATE,
        resources: Path | None = None,
        token_hook: Path | None = None,
        authorities: Path | None = None,
        quick_passwords: bool = False,
        announce: Callable[[str], None] = lambda _: None,
    ) -> None:
        """`announce` is called with a line about each step.

        `log` takes requests and what functions write; else standard output does, made readable, or with `json` as lines
        of JSON.

        `resources` is a file of further resources, which take part as if they stood in the template. `token_hook` is
        the function that the parameter TokenHook names: a Python file, or a folder with an app.py, whose
        `lambda_handler` it is. `authorities` is a file of certificates (PEM): which functions trust that fetch
        something by https, in place of those of this machine. `quick_passwords` has them hashed at next to no cost: for
        tests.
        """
        self._given = dict(parameters or {})
        self._ports = (port, resource_port)
        self._host = host
        self._seed = seed
        self._log_path = log
        self._json = json
        self._template = template
        self._resources = resources
        self._token_hook = token_hook
        self._authorities = authorities
        self._quick_passwords = quick_passwords
        self._announce = announce
        self._closing = ExitStack()

    def __enter__(self) -> Self:
        try:
            self._start()
        except BaseException:
            self.close()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Stop serving and kill the workers. May be called twice."""
        self._closing.close()

    def invoke(self, logical_id: str, event: Mapping[str, Any]) -> Any:
        """What a function answers to an event. Errors: `FunctionError`; KeyError for an unknown function."""
        return self._functions.invoke(logical_id, event)

    def check_functions(self) -> None:
        """Find the functions that cannot start, in the background: a line for each goes to the log."""
        self._functions.check(self._functions.pools, self._tell)

    def environment(self, logical_id: str) -> dict[str, str]:
        """What a worker of the function finds in its environment."""
        return dict(self._functions.pools[logical_id].environment)

    def environments(self) -> dict[str, dict[str, str]]:
        """The environment of every function, by logical id."""
        return {logical_id: dict(pool.environment) for logical_id, pool in self._functions.pools.items()}

    def reference(self, logical_id: str) -> str:
        """What `Ref` gives for a resource: a table's name, for one."""
        return self._resolver.references[logical_id]

    def _start(self) -> None:
        if self._authorities is not None and not self._authorities.is_file():
            raise RefusedError(str(self._authorities), "there is no such file of certificates")
        # First, because it imports while we do other things.
        fork_server = self._fork_server()
        self._closing.callback(fork_server.close)
        listeners = self._take_ports()
        self._log = Log(self._log_path, as_json=self._json)
        self._closing.callback(self._log.close)
        self._announce(f"expanding {self._template.name}")
        builder = self._expand()
        self._announce("making tables and keys")
        self._make_storage(builder)
        stack = builder.stack()
        handlers = self._handlers(stack)

        self._make_functions(stack, fork_server)
        self._start_messages(stack)
        schedules = Schedules(stack.schedules, self._functions, self._aws.account, self._log)
        with ThreadPoolExecutor(1) as executor:
            first_runs = executor.submit(schedules.run_once)
            self._plant()
        self._start_schedules(schedules, first_runs.result())
        self._watch()
        self._serve(listeners, handlers)

    def _fork_server(self) -> ForkServer:
        return ForkServer(quick_passwords=self._quick_passwords)

    def _take_ports(self) -> list[list[Any]]:
        """Listening sockets first: the addresses are parameters of the template."""
        listeners = []
        for port in self._ports:
            sockets = listen(port)
            for one in sockets:
                self._closing.callback(one.close)
            listeners.append(sockets)
        self._domains = [f"{self._host}:{sockets[0].getsockname()[1]}" for sockets in listeners]
        issuer, resource = (f"http://{domain}" for domain in self._domains)
        self.issuer = self._given.get("Issuer") or issuer
        self.resource = self._given.get("ResourceUrl") or resource
        self.outbox = f"{issuer}{OUTBOX}"
        return listeners

    def _expand(self) -> Builder:
        """Expands the template in another process, and meanwhile gets ready here what else takes long to import."""
        template = read_template(self._template)
        if self._resources is not None:
            template = with_resources(template, self._resources, self._template.parent)
        local = {
            "Issuer": self.issuer,
            "ResourceUrl": self.resource,
            "DeletionProtection": "false",
            "MailFrom": "authserver@example.com",
            "DeviceGrant": "true",
        }
        if self._token_hook is not None:
            local["TokenHook"] = token_hook_of(self._token_hook).arn
        parameters = choose_parameters(template.get("Parameters", {}), self._given, local)
        with ThreadPoolExecutor(1) as executor:
            expanding = executor.submit(expanded, template, parameters, _ADDRESSES)
            self._check_seed()
            self._aws = self._make_aws()
            self._resolver = Resolver(parameters, template.get("Conditions", {}), self._aws.account)
            check_rules(template.get("Rules", {}), self._resolver)
            return Builder(expanding.result(), self._resolver, self._template.parent)

    def _check_seed(self) -> None:
        """Before anything else starts: a file that cannot be used is the likeliest mistake."""
        if self._seed is not None:
            from local.seed import read  # imports the application, which only a seed needs

            read(self._seed)

    def _make_aws(self) -> "Aws":
        from local.aws import Aws  # imports moto and MiniStack

        aws = Aws(self._log)
        self._closing.callback(aws.close)
        self.endpoint_url = aws.endpoint_url
        return aws

    def _make_storage(self, builder: Builder) -> None:
        for key in builder.kms_keys():
            builder.key_made(key, *self._aws.make_key(key))
        for table in builder.tables():
            self._aws.make_table(table)

    def _handlers(self, stack: Stack) -> list[Callable[[Functions], Handler]]:
        """What makes each API's handler once there are functions. All is read, and maybe refused, before any starts."""
        authorization, resource = self._domains
        account, log = self._aws.account, self._log
        makers: list[Callable[[Functions], Handler]] = [lambda _: _nothing, lambda _: _nothing]
        if http_api := stack.http_api:
            routes = read_routes(http_api, stack.functions)
            _leave_room_for_own_pages(routes)
            makers[0] = lambda functions: HttpApi(http_api, routes, functions, account, authorization, log).answer
        if rest_api := stack.rest_api:
            document = read_document(rest_api, stack.functions)
            makers[1] = lambda functions: RestApi(rest_api, document, functions, account, resource, log).answer
        return makers

    def _make_functions(self, stack: Stack, fork_server: ForkServer) -> None:
        functions = dict(stack.functions)
        if self._token_hook is not None:
            hook = token_hook_of(self._token_hook)
            functions[hook.logical_id] = hook
        for function in functions.values():
            self._aws.permit(access_key_id(function), function.logical_id, function.permissions)
        self._functions = Functions(functions, self._aws.endpoint_url, fork_server, self._log, self._authorities)
        self._aws.invoke_later = self._functions.invoke_later
        self._aws.invoke_now = self._functions.invoke_now
        self._closing.callback(self._functions.close)
        for logical_id, function in functions.items():
            if function.provisioned and (failure := self._functions.pools[logical_id].check()):
                raise RefusedError(logical_id, f"does not start: {failure.error_type}: {failure.message}")

    def _plant(self) -> None:
        if self._seed is None:
            return
        self._announce(f"planting {self._seed}")
        # Imports the application, which only a seed needs.
        from local.seed import Place, SeedError, hash_quickly, plant, read

        names = ("ClientsTable", "UsersTable", "TokensTable", "ConfigurationTable", "AuditTable", "WrappingKey")
        clients, users, tokens, configuration, audit, key = map(self._planted_in, names)
        place = Place(clients, users, tokens, configuration, audit, key, self.endpoint_url)
        try:
            self.planted = plant(read(self._seed), place, hash_quickly if self._quick_passwords else None)
        except SeedError as error:
            raise SeedError(f"{self._seed}: {error}") from None

    def _planted_in(self, logical_id: str) -> str:
        if logical_id not in self._resolver.references:
            raise RefusedError(f"seed {self._seed}", f"the template has no {logical_id} to plant it in")
        return self._resolver.references[logical_id]

    def _start_messages(self, stack: Stack) -> None:
        """From now on, functions get what changes in tables and what is sent to queues, where they read it."""
        if not stack.mappings:
            return
        from local.queues import Queues
        from local.streams import Streams

        self._aws.queues = Queues(self._aws.account, stack.queues)
        self._aws.streams = Streams(stack.mappings, self._aws.account, self._functions.invoke, self._log)
        for mapping in stack.mappings:
            if mapping.queue:
                self._aws.queues.read(mapping, self._functions.invoke, self._log)

    def _start_schedules(self, schedules: Schedules, first_runs: list[tuple[Schedule, FunctionError | None]]) -> None:
        for schedule, failure in first_runs:
            outcome = f"failed: {failure.error_type}: {failure.message}" if failure else "done"
            self._announce(f"first run of {schedule.function}, on schedule every {schedule.every} s: {outcome}")
        self._closing.callback(schedules.stop)
        schedules.start()

    def _watch(self) -> None:
        self._closing.callback(Reloader(self._functions, self._tell).stop)

    def _tell(self, text: str) -> None:
        self._log.line(SERVER, text)

    def _serve(self, listeners: list[list[Any]], makers: list[Callable[[Functions], Handler]]) -> None:
        handlers = [make(self._functions) for make in makers]
        handlers[0] = callback.beside(self._aws.outbox.beside(handlers[0]))
        for sockets, handler in zip(listeners, map(self._logged, handlers), strict=True):
            for listener in sockets:
                self._closing.callback(HttpServer(listener, handler).close)

    def _logged(self, handler: Handler) -> Handler:
        """The handler with a line in the log for each request."""

        def answer(request: Request) -> Response:
            began = time.perf_counter()
            response = handler(request)
            seconds = time.perf_counter() - began
            self._log.request(request.method, request.path, response.status, seconds, response.function)
            return response

        return answer


def _leave_room_for_own_pages(routes: list[Route]) -> None:
    shows = {OUTBOX: "the mails that were sent", callback.PATH: "the answer to an authorization request"}
    for path, what in shows.items():
        if matching({route.pattern for route in routes}, path):
            raise RefusedError(f"route {path}", f"is where this server shows {what}")


def _nothing(_: Request) -> Response:
    return message(404, "Not Found")
