"""rauthy, an identity provider in Rust that keeps what it reads in memory and syncs its log every 200 ms: where a program of this
name is on the PATH. It has its own store, with as many users, as it makes it at its first start."""

import json
import re
import shutil
import subprocess
import urllib.parse

from driver.load import UNIQUE, Refused, request
from driver.machine import WORK, write
from driver.servers import Server, free_port

# The version that the targets are of.
VERSION = "0.36"

HOME = WORK / "rauthy"
KEY = "bench"
SECRET = "a" * 64
FORM = {"Content-Type": "application/x-www-form-urlencoded"}
JSON = {"Content-Type": "application/json"}

# One node, HTTP without TLS, and the defaults of everything that a bench would not meet.
_CONFIG = """
[bootstrap]
admin_email = "admin@localhost"
password_plain = "correct horse battery staple 1A"
bootstrap_dir = "{home}/bootstrap"

[cluster]
node_id = 1
nodes = ["1 127.0.0.1:{raft} 127.0.0.1:{api}"]
data_dir = "{home}/data"
secret_raft = "a secret of the bench"
secret_api = "a secret of the bench"

[encryption]
keys = ["bVCyTsGaggVy5yqQ/UzluN29DZW41M3hTSkx6Y3NtZmRuQkR2TnJxUTYzcjQ="]
key_active = "bVCyTsGaggVy5yqQ"

[logging]
level = "error"

[server]
listen_address = "127.0.0.1"
port_http = {port}
scheme = "http"
pub_url = "127.0.0.1:{port}"
metrics_enable = false

[webauthn]
rp_id = "localhost"
rp_origin = "http://localhost:{port}"
"""

# Nobody signs in: no secret that anybody knows has this hash.
_HASH = "$argon2id$v=19$m=7168,t=5,p=1$mBFTyehjNzCkHZk/fajtCw$aNncxf/8HXqKl1yygy6q0QiLlRzEFPYukrxhbQYsm6I"

_KEYS = [{
    "name": KEY,
    "secret": {"Plain": SECRET},
    "access": [{"group": "Users", "access_rights": ["read", "create"]}],
}]

_CLIENTS = [{
    "id": KEY,
    "name": "Bench",
    "secret": {"Plain": SECRET},
    "redirect_uris": ["http://localhost/"],
    "enabled": True,
    "flows_enabled": ["client_credentials"],
    "access_token_alg": "EdDSA",
    "id_token_alg": "EdDSA",
    "auth_code_lifetime": 60,
    "access_token_lifetime": 3600,
    "scopes": ["openid"],
    "default_scopes": ["openid"],
    "force_mfa": False,
}]


def version() -> str | None:
    """What the program calls itself, if it is there."""
    if shutil.which("rauthy") is None:
        return None
    done = subprocess.run(["rauthy", "--version"], capture_output=True, text=True, check=False)
    found = re.search(r"\d+\.\d+\S*", done.stdout + done.stderr)
    return found[0] if found else "of an unknown version"


class Rauthy(Server):
    """rauthy with a store of its own that has this many users."""

    def __init__(self, users: int):
        shutil.rmtree(HOME, ignore_errors=True)
        super().__init__("rauthy", lambda _: ["rauthy", "serve", "--config-file", str(HOME / "config.toml")], {}, HOME)
        ports = {"port": self.port, "raft": free_port(), "api": free_port()}
        write(HOME / "config.toml", _CONFIG.format(home=HOME, **ports))
        for name, what in (("api_keys", _KEYS), ("clients", _CLIENTS)):
            write(HOME / f"bootstrap/{name}.json", json.dumps(what))
        write(HOME / "bootstrap/users.json", json.dumps([
            {"email": f"user-{number}@example.com", "given_name": "First", "family_name": f"Last{number}", "roles": [],
             "enabled": True, "email_verified": True, "password": {"Argon2ID": _HASH}} for number in range(users)]))

    @staticmethod
    def is_here() -> bool:
        return version() is not None

    @property
    def _key(self) -> dict[str, str]:
        return {"Authorization": f"API-Key {KEY}${SECRET}"}

    def reads(self) -> list[str]:
        """Its users, each by its id."""
        connection = self.connect()
        connection.request("GET", "/auth/v1/users?page_size=1000", None, self._key)
        answer = connection.getresponse()
        users = json.loads(answer.read())
        if answer.status not in (200, 206):
            raise Refused(f"rauthy lists no users: {answer.status}")
        return [request("GET", f"/auth/v1/users/{user['id']}", self._key) for user in users]

    def tokens(self) -> list[str]:
        form = urllib.parse.urlencode({"grant_type": "client_credentials", "client_id": KEY, "client_secret": SECRET})
        return [request("POST", "/auth/v1/oidc/token", FORM, form)]

    def creations(self) -> list[str]:
        user = {"email": f"new-{UNIQUE}@example.com", "given_name": "Jane", "family_name": "Doe", "language": "en", "roles": []}
        return [request("POST", "/auth/v1/users", self._key | JSON, json.dumps(user))]
