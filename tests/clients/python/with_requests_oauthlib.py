"""requests-oauthlib: client credentials, the code flow with PKCE, and a token that is refreshed by itself."""

import os

from oauthlib.oauth2 import BackendApplicationClient
from requests.auth import HTTPBasicAuth
from requests_oauthlib import OAuth2Session

from accord import CALLBACK, EMAIL, Browser, at, connector

# The library wants https, also on this machine.
os.environ["OAUTHLIB_INSECURE_TRANSPORT"] = "1"
made = connector(scopes=["accounts:read"])
basic = HTTPBasicAuth(made["clientId"], made["clientSecret"])
own = OAuth2Session(client=BackendApplicationClient(made["clientId"], scope=["accounts:read"]))
assert own.fetch_token(at("/oauth/token"), auth=basic)["scope"] == ["accounts:read"]
assert own.get(at("/api/accounts")).json()["value"][0]["id"] == made["accountId"]
kept = []
client = OAuth2Session(
    made["clientId"], redirect_uri=CALLBACK, scope=["openid", "email"], pkce="S256", token_updater=kept.append,
    auto_refresh_url=at("/oauth/token"), auto_refresh_kwargs={"client_id": made["clientId"], "client_secret": made["clientSecret"]},
)
url, _ = client.authorization_url(at("/oauth/authorize"), nonce="n")
token = client.fetch_token(at("/oauth/token"), authorization_response=Browser().sign_in(url), auth=basic)
client.token = token | {"expires_at": 1}
assert client.get(at("/oauth/userinfo")).json()["email"] == EMAIL
assert kept and kept[0]["access_token"] != token["access_token"]
print("client credentials and a list, code flow, a refresh by itself, userinfo: an id and the e-mail address checked")
