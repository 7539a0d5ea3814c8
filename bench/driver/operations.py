"""The operations that are measured, as requests."""

import base64
import json
import random
import sqlite3
import urllib.parse
import uuid
from dataclasses import dataclass

import jwt

from driver.directory import Directory, account_key, account_name, address, token, user_uuid
from driver.load import UNIQUE, bearer, request
from driver.servers import ADMIN, CLIENT_ID, CLIENT_SECRET, PASSWORD, Accord

JSON = {"Content-Type": "application/json"}
FORM = {"Content-Type": "application/x-www-form-urlencoded"}
ACCOUNTS = "/api/integrations/v1/accounts"
ENDPOINT = "/Endpoint/rest/api/v1/Account"

# How many requests of a kind differ.
VARIETY = 5000


@dataclass
class Callers:
    """Who calls: tokens."""

    connector: str
    operator: str
    # Of admins of resellers: the reseller's number and the token.
    resellers: list[tuple[int, str]]


def sign_in(accord: Accord, directory: Directory) -> Callers:
    connection = accord.connect()
    person = lambda name: token(connection, grant_type="password", username=name, password=PASSWORD)  # noqa: E731
    return Callers(
        token(connection, grant_type="client_credentials", client_id=CLIENT_ID, client_secret=CLIENT_SECRET),
        person(ADMIN),
        [(reseller, person(address(reseller))) for reseller in directory.resellers()],
    )


def _sample(directory: Directory) -> list[int]:
    """Account numbers, spread over the directory and the same in each run."""
    return random.Random(1).choices(range(1, directory.count + 1), k=VARIETY)


def token_issue(_directory: Directory, _callers: Callers) -> list[str]:
    form = f"grant_type=client_credentials&client_id={CLIENT_ID}&client_secret={CLIENT_SECRET}"
    return [request("POST", "/oauth/token", FORM, form)]


def _get(number: int, token: str) -> str:
    return request("GET", f"/api/accounts/{number + 1}", bearer(token))


def get(directory: Directory, callers: Callers) -> list[str]:
    return [_get(number, callers.operator) for number in _sample(directory)]


def get_as_reseller(directory: Directory, callers: Callers) -> list[str]:
    return [_get(number, token) for of, token in callers.resellers for number in directory.customers(of)]


def _filtered(number: int, token: str) -> str:
    options = f"$filter=name eq '{account_name(number)}'&$orderby=createdAt desc&$skip=0&$top=10"
    return request("GET", "/api/accounts?" + urllib.parse.quote(options, safe="$&='"), bearer(token))


def filtered(directory: Directory, callers: Callers) -> list[str]:
    return [_filtered(number, callers.operator) for number in _sample(directory)]


def filtered_as_reseller(directory: Directory, callers: Callers) -> list[str]:
    return [_filtered(number, token) for of, token in callers.resellers for number in directory.customers(of)]


def page(_directory: Directory, callers: Callers) -> list[str]:
    return [request("GET", "/api/accounts?$top=50", bearer(callers.operator))]


def page_as_reseller(_directory: Directory, callers: Callers) -> list[str]:
    return [request("GET", "/api/accounts?$top=50", bearer(token)) for _, token in callers.resellers]


def listed(path: str):
    """The first page of a list, for the operator."""
    return lambda _, callers: [request("GET", urllib.parse.quote(path, safe="/?$&=',()"), bearer(callers.operator))]


def listed_as_reseller(path: str):
    """The first page of a list of each reseller's own account."""
    def requests(_directory: Directory, callers: Callers) -> list[str]:
        return [
            request("GET", urllib.parse.quote(path.format(number + 1), safe="/?$&=',()"), bearer(token))
            for number, token in callers.resellers]

    return requests


def endpoint_update(directory: Directory, callers: Callers) -> list[str]:
    ids = [user_uuid(number) for number in sorted(set(_sample(directory)))]
    headers = bearer(callers.connector) | JSON
    return [request("PATCH", ENDPOINT, headers, json.dumps({"Id": id, "FirstName": UNIQUE})) for id in ids]


def endpoint_insert(_directory: Directory, callers: Callers) -> list[str]:
    user = {"Username": f"new-{UNIQUE}", "Email": f"new-{UNIQUE}@example.com", "FirstName": "Jane", "LastName": "Doe"}
    return [request("PATCH", ENDPOINT, bearer(callers.connector) | JSON, json.dumps(user))]


def new_accounts(count: int, number: str = UNIQUE) -> dict:
    """A portal's body of accounts that nobody has."""
    return {
        f"new-{number}-{i}": {"name": f"New {number} {i}", "id": f"N-{number}-{i}"} for i in range(count)}


def portal_new_user(_directory: Directory, callers: Callers) -> list[str]:
    """A portal's body of a user whom nobody has."""
    body = json.dumps({f"new-{UNIQUE}": {"email": f"portal-{UNIQUE}@example.com"}})
    return [request("PATCH", "/api/integrations/v1/users", bearer(callers.connector) | JSON, body)]


def known_accounts(numbers) -> dict:
    """A portal's body of accounts as they are."""
    return {f"account-{number}": {"name": account_name(number), "id": f"R-{number}"} for number in numbers}


def portal_new(count: int):
    return lambda _, callers: [
        request("PATCH", ACCOUNTS, bearer(callers.connector) | JSON, json.dumps(new_accounts(count)))]


def portal_again(count: int):
    def requests(directory: Directory, callers: Callers) -> list[str]:
        known = directory.owned_by_operator()
        parts = [known[at : at + count] for at in range(0, len(known) - count + 1, count)]
        headers = bearer(callers.connector) | JSON
        return [request("PATCH", ACCOUNTS, headers, json.dumps(known_accounts(part))) for part in parts]

    return requests


def administration_list(directory: Directory, _callers: Callers) -> list[str]:
    def of(number: int) -> str:
        basic = base64.b64encode(f"{address(number)}:{PASSWORD}".encode()).decode()
        headers = {"Authorization": f"Basic {basic}", "Account-Key": account_key(number)} | JSON
        return request("POST", "/app/api.php", headers, json.dumps({"action": "list_accounts"}))

    # One and the same: an integration has one password, and an instance remembers those that come again.
    return [of(directory.resellers()[0])]


def put(directory: Directory, callers: Callers) -> list[str]:
    """Changes of the operator's accounts, each of another one."""
    headers = bearer(callers.operator) | JSON
    return [
        request("PUT", f"/api/accounts/{number + 1}", headers, json.dumps({"description": UNIQUE}))
        for number in directory.owned_by_operator()
    ]


def endpoint_get(directory: Directory, callers: Callers) -> list[str]:
    return [request("GET", f"{ENDPOINT}/{user_uuid(number)}", bearer(callers.connector)) for number in _sample(directory)]


def endpoint_list(_directory: Directory, callers: Callers) -> list[str]:
    return [request("GET", f"{ENDPOINT}s?PageSize=50", bearer(callers.connector))]


@dataclass
class Operation:
    """An operation: its name, and what makes its requests for a directory and those who call."""

    name: str
    requests: object
    # Whether it makes rows: rounds then begin with a directory of the size that they say.
    grows: bool = False
    # Whether it is measured for how it grows alone: at one connection, in the smallest directory and the largest.
    growth_only: bool = False
    # What makes it grow, if that is known.
    why: str = ""


def _list(name: str, path: str, *, reseller: bool = False, why: str = "") -> Operation:
    """A list, of which the path has the caller's account as `{}`."""
    return Operation(f"{name}, {'reseller' if reseller else 'operator'}",
                     listed_as_reseller(path) if reseller else listed(path), growth_only=True, why=why)


OPERATIONS = [
    Operation("token (client_credentials)", token_issue),
    Operation("GET by id, operator", get),
    Operation("GET by id, reseller", get_as_reseller),
    Operation("list filtered, operator", filtered),
    Operation("list filtered, reseller", filtered_as_reseller, growth_only=True),
    Operation("list 50, operator", page),
    Operation("list 50, reseller", page_as_reseller),
    _list("list by name", "/api/accounts?$orderby=name&$top=50"),
    _list("list by name", "/api/accounts?$orderby=name&$top=50", reseller=True),
    # Of forty accounts, and of the persons in them: whoever sees all of them asks for a rare word, a reseller for one that
    # all of its accounts have.
    _list("list containing a rare word", "/api/accounts?$filter=contains(name,'uartzit')&$top=50"),
    _list("list searched for a rare word", "/api/accounts?$search=quartzite&$top=50"),
    _list("list containing a common word", "/api/accounts?$filter=contains(name,'ompan')&$top=50", reseller=True),
    _list("list searched for a common word", "/api/accounts?$search=company&$top=50", reseller=True),
    _list("users 50", "/api/users?$top=50"),
    _list("users 50", "/api/users?$top=50", reseller=True),
    _list("users by name", "/api/users?$orderby=name&$top=50"),
    _list("users by name", "/api/users?$orderby=name&$top=50", reseller=True),
    _list("users containing a rare word", "/api/users?$filter=contains(name,'uartzit')&$top=50"),
    _list("users searched for a rare word", "/api/users?$search=quartzite&$top=50"),
    _list("users searched for a common word", "/api/users?$search=company&$top=50", reseller=True),
    _list("user by address", "/api/users?$filter=email eq 'user-7@example.com'"),
    _list("user by external id", "/api/users?externalId=user-7"),
    _list("members 50", "/api/accounts/{}/users?$top=50", reseller=True),
    _list("invitations 50", "/api/accounts/{}/invitations?$top=50", reseller=True),
    _list("identities", "/api/accounts/2/identities"),
    _list("sources", "/api/accounts/2/sources"),
    _list("precedence", "/api/accounts/{}/precedence", reseller=True),
    _list("records 50", "/api/accounts/1/records?$top=50"),
    _list("records 50", "/api/accounts/{}/records?$top=50", reseller=True),
    _list("records searched for a rare word", "/api/accounts/1/records?$search=quartzite&$top=50"),
    _list("audit 50", "/api/audit?$top=50"),
    _list("audit 50", "/api/audit?$top=50", reseller=True),
    _list("audit 50 of an account", "/api/accounts/1/audit?$top=50"),
    _list("audit 50 of an account", "/api/accounts/{}/audit?$top=50", reseller=True),
    _list("duplicates 50", "/api/duplicates?accountId=1&$top=50"),
    _list("duplicates 50", "/api/duplicates?accountId={}&$top=50", reseller=True),
    _list("disagreements 50", "/api/accounts/1/disagreements?$top=50"),
    _list("disagreements 50", "/api/accounts/{}/disagreements?$top=50", reseller=True),
    _list("connectors", "/api/connectors"),
    Operation("administration list", administration_list, growth_only=True),
    Operation("endpoint GET", endpoint_get, growth_only=True),
    Operation("endpoint list 50", endpoint_list, growth_only=True),
    Operation("PUT of an account", put),
    Operation("endpoint PATCH, update", endpoint_update),
    Operation("portal PATCH of 1, again", portal_again(1)),
    Operation("portal PATCH of 100, again", portal_again(100), growth_only=True),
    Operation("endpoint PATCH, insert", endpoint_insert, grows=True),
    Operation("portal PATCH of 1, new", portal_new(1), grows=True),
    Operation("portal PATCH of 100, new", portal_new(100), grows=True, growth_only=True),
]


def another_token_each(directory: Directory, callers: Callers, count: int) -> list[str]:
    """As `get`, each with a token of its own: signed here, as Accord's token endpoint would."""
    claims = jwt.decode(callers.operator, options={"verify_signature": False})
    kid = jwt.get_unverified_header(callers.operator)["kid"]
    # A refresh token's family would be one more thing to look up.
    claims.pop("session", None)
    keys = sqlite3.connect(directory.store.with_name("sqlite_key_value.db"))
    (jwk,) = keys.execute("SELECT value FROM spin_key_value WHERE key = ?", (f"signing-key/{kid}",)).fetchone()
    keys.close()
    key = jwt.PyJWK(json.loads(jwk)).key
    headers = {"typ": "at+jwt", "kid": kid}
    tokens = (jwt.encode(claims | {"jti": str(uuid.uuid4())}, key, "EdDSA", headers) for _ in range(count))
    sample = _sample(directory)
    return [_get(sample[i % len(sample)], token) for i, token in enumerate(tokens)]
