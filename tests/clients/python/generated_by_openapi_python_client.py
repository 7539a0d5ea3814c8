"""openapi-python-client makes a package of the description, by which an operation of each API is called."""

import compileall
import importlib
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import requests

from accord import BASE, EMAIL, PASSWORD, at, connector, person_token

with tempfile.TemporaryDirectory() as room:
    description = Path(room, "openapi.json")
    description.write_text(requests.get(at("/openapi.json")).text)
    settings = Path(room, "settings.yaml")
    # It knows no lines of JSON: they are bytes to it.
    settings.write_text("post_hooks: []\ncontent_type_overrides:\n  application/x-ndjson: application/octet-stream\n")
    made = subprocess.run(
        [Path(sys.executable).with_name("openapi-python-client"), "generate", "--path", description, "--config", settings,
         "--output-path", Path(room, "made"), "--meta", "none", "--fail-on-warning"],
        capture_output=True, text=True,
    )
    assert made.returncode == 0, made.stdout + made.stderr
    assert compileall.compile_dir(Path(room, "made"), quiet=1), "what was made compiles"
    sys.path.insert(0, room)
    client = importlib.import_module("made.client")
    models = importlib.import_module("made.models")

    def call(tag, name, who, **what):
        answer = importlib.import_module(f"made.api.{tag}.{name}").sync_detailed(client=who, **what)
        assert answer.status_code < 300, f"{name}: {answer.status_code} {answer.content}"
        return answer.parsed

    scopes = ["portal:write", "AccessManager:Create", "AccessManager:Read", "accounts:read", "accounts:manage"]
    made = connector(name="Typed", redirectUris=[], scopes=scopes)
    headers = {"authorization": f"Bearer {person_token()}"}
    key = requests.get(at(f"/api/accounts/{made['accountId']}"), headers=headers).json()["accountKey"]
    unique = time.time_ns()

    def token(**body):
        issued = call("oauth", "oauth_token", client.Client(base_url=BASE), body=models.TokenRequest(**body))
        return client.AuthenticatedClient(base_url=BASE, token=issued.access_token)

    program = token(
        grant_type=models.GrantType.CLIENT_CREDENTIALS, client_id=made["clientId"], client_secret=made["clientSecret"]
    )
    person = token(grant_type=models.GrantType.PASSWORD, username=EMAIL, password=PASSWORD)

    users = models.PortalPutUsersBody.from_dict({f"user_{unique}": {"email": f"python-{unique}@example.com"}})
    call("portal", "portal_put_users", program, body=users)

    record = models.AccountData(username=f"python-{unique}", first_name="Jane")
    record = call("endpoint", "post_account", program, body=record)
    assert record.first_name == "Jane" and record.username == f"python-{unique}", record

    name = f"Python {unique}"
    account = call("accounts", "accounts_create", person, body=models.NewAccount(name=name, country=models.Country.FI))
    shown = call("accounts", "accounts_get", person, id=str(account.id))
    assert shown.name == name and shown.country == models.Country.FI and shown.created_at.tzinfo, shown
    page = call("accounts", "accounts_list", person, filter_=f"name eq '{name}'", top=2)
    assert page.count == 1 and page.value[0].id == account.id, page

    basic = requests.auth._basic_auth_str(EMAIL, PASSWORD)
    administrator = client.Client(base_url=BASE, headers={"authorization": basic})
    health = call(
        "administration", "connection_health", administrator,
        account_key_header=key, action=models.AdministrationAction.CONNECTION_HEALTH,
    )
    assert health.count == len(health.connections) > 0, health
    assert call("accounts", "accounts_delete", person, id=account.id).success
print("the package compiles; an operation of each API: values checked")
