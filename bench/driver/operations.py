"""The operations that are measured, as requests."""

import base64
import json
import random
import sqlite3
import urllib.parse
import uuid
from dataclasses import dataclass

import jwt

from driver.directory import Directory, account_key, token, user_uuid
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
        [(reseller, person(f"user-{reseller}")) for reseller in directory.resellers()],
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
    options = f"$filter=name eq 'Company {number}'&$orderby=createdAt desc&$skip=0&$top=10"
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


def known_accounts(numbers) -> dict:
    """A portal's body of accounts as they are."""
    return {f"account-{number}": {"name": f"Company {number}", "id": f"R-{number}"} for number in numbers}


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
        basic = base64.b64encode(f"user-{number}:{PASSWORD}".encode()).decode()
        headers = {"Authorization": f"Basic {basic}", "Account-Key": account_key(number)} | JSON
        return request("POST", "/app/api.php", headers, json.dumps({"action": "list_accounts"}))

    # One and the same: an integration has one password, and an instance remembers those that come again.
    return [of(directory.resellers()[0])]


@dataclass
class Operation:
    """An operation: its name, and what makes its requests for a directory and those who call."""

    name: str
    requests: object
    # Whether it makes rows: rounds then begin with a directory of the size that they say.
    grows: bool = False


OPERATIONS = [
    Operation("token (client_credentials)", token_issue),
    Operation("GET by id, operator", get),
    Operation("GET by id, reseller", get_as_reseller),
    Operation("list filtered, operator", filtered),
    Operation("list filtered, reseller", filtered_as_reseller),
    Operation("list 50, operator", page),
    Operation("list 50, reseller", page_as_reseller),
    Operation("list by name, operator", listed("/api/accounts?$orderby=name&$top=50")),
    Operation("list containing, operator", listed("/api/accounts?$filter=contains(name,'any 77')&$top=50")),
    Operation("list searched, operator", listed("/api/accounts?$search=77&$top=50")),
    Operation("list searched, reseller", listed_as_reseller("/api/accounts?$search=company&$top=50")),
    Operation("users 50, operator", listed("/api/users?$top=50")),
    Operation("users 50, reseller", listed_as_reseller("/api/users?$top=50")),
    Operation("user by address, operator", listed("/api/users?$filter=email eq 'user-7@example.com'")),
    Operation("members, reseller", listed_as_reseller("/api/accounts/{}/users")),
    Operation("identities, reseller", listed_as_reseller("/api/accounts/{}/identities")),
    Operation("records 50, operator", listed("/api/accounts/1/records?$top=50")),
    Operation("audit 50, operator", listed("/api/audit?$top=50")),
    Operation("audit 50 of an account, reseller", listed_as_reseller("/api/accounts/{}/audit?$top=50")),
    Operation("duplicates 50, operator", listed("/api/duplicates?accountId=1&$top=50")),
    Operation("disagreements 50, operator", listed("/api/accounts/1/disagreements?$top=50")),
    Operation("administration list", administration_list),
    Operation("endpoint PATCH, update", endpoint_update),
    Operation("portal PATCH of 1, again", portal_again(1)),
    Operation("portal PATCH of 100, again", portal_again(100)),
    Operation("endpoint PATCH, insert", endpoint_insert, grows=True),
    Operation("portal PATCH of 1, new", portal_new(1), grows=True),
    Operation("portal PATCH of 100, new", portal_new(100), grows=True),
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
