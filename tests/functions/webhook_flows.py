"""What there is besides where events are sent to webhooks."""

from tests.functions.flowing import answered, webhook_flow
from tests.functions.gateway import Gateway
from tests.functions.journey import admin
from tests.functions.webhooks import Receiver, Webhooks
from tests.functions.world import World


@webhook_flow
def manage_webhooks(world: World) -> None:
    gateway = Gateway(world)
    token = admin(gateway).own_token(scope="admin:webhooks").json()["access_token"]
    one = "/admin/webhooks/{webhook}"
    document = {"url": "https://hook.example/?key=of-the-receiver", "types": ["user.*"]}
    made = gateway.manage("POST /admin/webhooks", token, document, key="once").json()
    answered(201, gateway.manage("POST /admin/webhooks", token, document, key="once"))
    answered(400, gateway.manage("POST /admin/webhooks", token, {"url": "http://hook.example/"}))
    answered(200, gateway.manage("GET /admin/webhooks", token))
    answered(200, gateway.manage(f"GET {one}", token, webhook=made["id"]))
    answered(200, gateway.manage(f"PATCH {one}", token, {"types": ["*"]}, webhook=made["id"]))
    answered(409, gateway.manage(f"PATCH {one}", token, {"types": ["*"], "version": 1}, webhook=made["id"]))
    answered(201, gateway.manage(f"POST {one}/secrets", token, {}, webhook=made["id"]))
    answered(202, gateway.manage(f"POST {one}/test", token, webhook=made["id"]))
    answered(200, gateway.manage(f"PATCH {one}", token, {"status": "disabled"}, webhook=made["id"]))
    answered(409, gateway.manage(f"POST {one}/test", token, webhook=made["id"]))
    answered(204, gateway.manage(f"DELETE {one}", token, webhook=made["id"]))
    answered(409, gateway.manage("POST /admin/webhooks", token, document, key="once"))
    answered(404, gateway.manage(f"DELETE {one}", token, webhook=made["id"]))


@webhook_flow
def deliver_to_webhooks(world: World) -> None:
    webhooks, receiver = Webhooks(world), Receiver()
    try:
        kept = webhooks.create(f"{receiver.url}?key=of-the-receiver", "user.*")
        gone = webhooks.create(f"{receiver.url}/gone", "user.*")
        removed = webhooks.create("https://removed.example/", "user.*")
        statuses = {"/hook?key=of-the-receiver": [503, 302], "/hook/gone": [410]}
        receiver.answer = lambda got: ((statuses[got.path] or [204]).pop(0), {})
        with webhooks.happening():
            webhooks.call("POST /admin/users", {"username": "carol"}, status=201)
        webhooks.call("DELETE /admin/webhooks/{webhook}", status=204, webhook=removed["id"])
        webhooks.run()
        receiver.answer = lambda _: (500, {})
        webhooks.call("POST /admin/webhooks/{webhook}/test", status=202, webhook=kept["id"])
        webhooks.run()
        assert webhooks.call("GET /admin/webhooks/{webhook}", webhook=gone["id"])["disabled_reason"] == "gone"
        assert len(webhooks.dead_letters) == 2  # with the one that was answered 410
    finally:
        receiver.close()
