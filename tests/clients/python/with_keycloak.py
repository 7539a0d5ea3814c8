"""python-keycloak, which looks below /realms/{realm}."""

from urllib.parse import parse_qs, urlsplit

from keycloak import KeycloakOpenID

from accord import CALLBACK, EMAIL, PASSWORD, Browser, at, connector

made = connector(scopes=["accounts:read"], requirePkce=False)
client = KeycloakOpenID(
    server_url=at("/"), realm_name="accord", client_id=made["clientId"], client_secret_key=made["clientSecret"]
)
assert client.well_known()["token_endpoint"] == at("/oauth/token")
assert any(key["alg"] == "RS256" for key in client.certs()["keys"])
url = client.auth_url(redirect_uri=CALLBACK, scope="openid email", state="s", nonce="n")
code = parse_qs(urlsplit(Browser().sign_in(url)).query)["code"][0]
token = client.token(grant_type="authorization_code", code=code, redirect_uri=CALLBACK)
claims = client.decode_token(token["id_token"])
assert claims["email"] == EMAIL, claims
assert client.userinfo(token["access_token"])["sub"] == claims["sub"]
assert client.introspect(token["access_token"])["active"] is True
after = client.refresh_token(token["refresh_token"])
assert after["access_token"] != token["access_token"]
client.logout(after["refresh_token"])
assert client.introspect(after["access_token"])["active"] is False
by_password = client.token(EMAIL, PASSWORD, scope="accounts:read")
assert client.introspect(by_password["access_token"])["active"] is True
own = client.token(grant_type="client_credentials", scope="accounts:read")
assert own["scope"] == "accounts:read", own
print("well_known, certs, auth_url, token (three grants), decode_token, userinfo, introspect, refresh_token, logout: claims checked")
