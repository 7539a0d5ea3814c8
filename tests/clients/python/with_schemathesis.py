"""schemathesis sends every operation what its description allows, and what it does not.

No answer is a 5xx, has a status or a media type that is not described, or a body that is not as described. A request that the
description allows and that is refused (400) has to be in RULES: by a rule that no schema can express.
"""

import base64
import re
import sys

import requests
import schemathesis
from hypothesis import HealthCheck, Phase, given, seed, settings
from schemathesis import GenerationMode
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from accord import BASE, EMAIL, PASSWORD, at, connector, person_token

# How many requests an operation gets of each kind.
REQUESTS = 16

# Operations that would take away what the others need: what they are tried on, the password of the person, the keys. They come last, and
# in this order.
LAST = [
    "members_remove", "connectors_disconnect", "connectors_delete", "me_leave", "accounts_delete", "people_change_password",
    "me_change_password", "oauth_rotate_keys",
]

# Which operation, and what the answer says → the rule. What an answer says is each fault, or the whole text.
RULES = [
    ("", r"^\$(filter|orderby|search) at character", "an option of OData is an expression, of the fields that there are"),
    ("", r"^\$skiptoken is none that a page", "a page goes on where the one before it has ended, in the same order"),
    ("", r"[pP]assword is (too easy|not right)", "a password is hard to guess, and that of the person"),
    ("", r"^password must have at most 1024 bytes", "a password has at most 1024 bytes, and a schema counts characters"),
    ("", r"^token is unknown, expired", "a link works once, for whom it was mailed to"),
    ("", r"is not an e-mail address", "the parts of an address have lengths of their own, in bytes, and no invisible characters"),
    ("", r"must have at most \d+ characters", "lengths count characters once they are composed (NFC)"),
    ("", r"^this Idempotency-Key was used", "a key that comes again comes with the same request"),
    ("portal_", r"(name|id) is required for a new account", "both fields are needed for an external id that is not bound yet"),
    ("duplicates_differ|accounts_join", r"must be other accounts of the same owner", "accounts are told apart, and joined, that one account owns"),
    ("directory_export", r"^next is none that an export", "an export goes on where the one before it has ended"),
    ("directory_import", r"^line ", "what is imported are the lines of an export, one after the other"),
    ("accounts_separate", r"must be accounts that were joined into this one", "what is taken apart was joined before"),
    ("precedence_set", r"which is none of this account", "a connector belongs to the account"),
    ("portal_", r"is there twice", "external ids are compared once they are trimmed and composed"),
    ("connectors_", r"^rank |^redirectUris are required", "what a connector may do depends on who makes it, and what can be changed on whether it is public"),
    ("connectors_", r"^(redirectUris|postLogoutRedirectUris) must", "a redirect URI has a host, and is https but for loopback addresses and private-use schemes"),
    ("administration_", r"is not known|must not be under|must be a whole number", "packages and accounts have to be there"),
    ("users_erase", r"^password is required", "a person shows the password, an owner of the operator account does not"),
    ("_account", r"^Id is unknown", "a new record has no Id yet"),
    ("_account", r"is taken already|There are multiple rows", "a record is unique among those of its organisation"),
    ("_account", r"^Phone must", "a telephone number has a country code that exists, and 7 to 15 digits"),
    ("_account", r"^(TenantId|LanguageId|TimezoneId|DateFormatId) must", "a foreign key names something that there is"),
    ("oauth_authorize|oauth_log_out", r"The application that has sent you here", "a browser is sent where a connector has registered"),
    ("oauth_", r"authenticates in two ways|client_id of the body is another", "a client proves itself in one way"),
    ("oauth_", r"credentials are not right|scope", "codes, tokens and scopes are those that were given"),
]


def basic(name, secret):
    return "Basic " + base64.b64encode(f"{name}:{secret}".encode()).decode()


def token(**form):
    answer = requests.post(at("/oauth/token"), data=form)
    answer.raise_for_status()
    return "Bearer " + answer.json()["access_token"]


scopes = ["portal:write", "AccessManager:Create", "AccessManager:Update", "AccessManager:Read", "accounts:read", "accounts:manage"]
program = connector(name="Schemathesis", redirectUris=[], scopes=scopes, rank="owner")
client = {"client_id": program["clientId"], "client_secret": program["clientSecret"]}
account = requests.get(at(f"/api/accounts/{program['accountId']}"), headers={"authorization": f"Bearer {person_token()}"})
key = account.json()["accountKey"]


def known():
    """What every other request is about, for ids by chance lead nowhere."""
    person = {"authorization": token(grant_type="password", username=EMAIL, password=PASSWORD, account=program["accountId"])}
    client_token = {"authorization": token(grant_type="client_credentials", **client)}
    make = lambda path, body, who: requests.post(at(path), json=body, headers=who).json()
    account = make("/api/accounts", {"name": "Schemathesis"}, person)["id"]
    record = make("/Endpoint/rest/api/v1/Account", {"Username": "schemathesis"}, client_token)["Id"]
    connectors = make("/api/connectors", {"accountId": account, "name": "Tried"}, person)["id"]
    user = requests.get(at("/api/me"), headers=person).json()["id"]
    event = requests.get(at("/api/audit?$top=1"), headers=person).json()["value"][0]["id"]
    ids = {"userId": user, "recordId": record, "Id": record, "eventId": event, "account_id": "123456-8"}
    return lambda path: {**ids, "id": connectors if path.startswith("/api/connectors") else account}


def headers(tag, operation):
    """Who calls, as the operation has it."""
    if "operator" in str(operation.definition.raw.get("security")):
        return {"Authorization": basic(EMAIL, PASSWORD)}
    if tag == "administration":
        return {"Authorization": basic(EMAIL, PASSWORD), "Account-Key": key}
    if tag == "accounts":
        # The person may have entered several accounts meanwhile.
        return {"Authorization": token(grant_type="password", username=EMAIL, password=PASSWORD, account=program["accountId"])}
    if tag in ("portal", "endpoint"):
        return {"Authorization": token(grant_type="client_credentials", **client)}
    if tag == "oauth" and "client" in str(operation.definition.raw.get("security")):
        return {"Authorization": basic(**{"name": client["client_id"], "secret": client["client_secret"]})}
    return {}


@schemathesis.serializer("application/x-ndjson")
def lines(_context, text):
    """Lines of JSON are a text."""
    return text if isinstance(text, bytes) else str(text).encode("utf-8", "replace")


CHECKS = [status_code_conformance, content_type_conformance, response_headers_conformance, response_schema_conformance]
refused, wrong, sent = {}, [], 0


def told(response):
    """What a refusal says, one by one."""
    try:
        body = response.json()
    except ValueError:
        return [re.sub(r"<[^>]*>", " ", response.text)[-200:]]
    if isinstance(body.get("errors"), dict):
        return [f"{field} {fault}" for field, fault in body["errors"].items()]
    if isinstance(body.get("Errors"), list):
        return body["Errors"]
    text = body.get("detail") or body.get("message") or body.get("error_description") or str(body)
    return text.split("; ") if "message" in body else [text]


def attempt(operation, mode):
    name, tag = operation.definition.raw["operationId"], operation.tags[0]
    own = headers(tag, operation)

    @seed(7)
    @settings(max_examples=REQUESTS, deadline=None, database=None, phases=[Phase.generate], suppress_health_check=list(HealthCheck))
    @given(case=operation.as_strategy(generation_mode=mode))
    def send(case):
        global sent
        if case.path_parameters and sent % 2:
            ids = there(operation.path)
            case.path_parameters = {name: ids.get(name, value) for name, value in case.path_parameters.items()}
        # What proves who calls is no part of what is tried.
        case.headers = {k: v for k, v in (case.headers or {}).items() if k.lower() not in ("authorization", "account-key")}
        response = case.call(headers=own, allow_redirects=False)
        sent += 1
        if response.status_code >= 500:
            wrong.append(f"{name} {mode.value}: {response.status_code} {response.text[:300]}\n{case.as_curl_command()[:600]}")
            return
        try:
            case.validate_response(response, checks=CHECKS)
        except Exception as failure:
            wrong.append(f"{name} {mode.value}: {str(failure)[:900]}")
        if mode is GenerationMode.POSITIVE and response.status_code in (400, 415, 422):
            for fault in told(response):
                rule = next((rule for of, text, rule in RULES if re.search(of, name) and re.search(text, fault)), None)
                if rule is None:
                    wrong.append(f"{name}: what is described is refused: {fault}\n{case.as_curl_command()[:600]}")
                refused.setdefault(rule, set()).add(name)

    try:
        send()
    except Exception as failure:
        # A mode that an operation has nothing to vary for.
        if "Unsatisfiable" not in type(failure).__name__:
            causes = [failure, *getattr(failure, "exceptions", ())]
            wrong.append(f"{name} {mode.value}: {' <- '.join(f'{type(cause).__name__} {cause}'[:500] for cause in causes)}")


there = known()
schema = schemathesis.openapi.from_url(at("/openapi.json"))
schema.config.update(base_url=BASE)
operations = [result.ok() for result in schema.get_all_operations()]
only = sys.argv[1:]
operations = [one for one in operations if not only or one.definition.raw["operationId"] in only]
place = lambda one: LAST.index(name) + 1 if (name := one.definition.raw["operationId"]) in LAST else 0
for operation in sorted(operations, key=place):
    for mode in (GenerationMode.POSITIVE, GenerationMode.NEGATIVE):
        attempt(operation, mode)
for fault in dict.fromkeys(wrong):
    print(fault)
for rule, names in sorted(refused.items(), key=str):
    print(f"refused by the rule that {rule}: {', '.join(sorted(names))}")
assert not wrong, f"{len(wrong)} answers are not as described"
print(f"{sent} requests to {len(operations)} operations: no 5xx, every answer as described; {len(refused)} rules beyond a schema")
