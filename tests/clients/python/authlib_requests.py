"""Authlib with requests: code flow with PKCE, the ID token verified by its JWKS, refresh, introspection, revocation."""

import requests
from authlib.integrations.requests_client import OAuth2Session
from joserfc import jwt
from joserfc.jwk import KeySet

from accord import CALLBACK, EMAIL, Browser, at, connector

server = requests.get(at("/.well-known/openid-configuration")).json()
made = connector()
verifier = "a" * 48
client = OAuth2Session(
    made["clientId"], made["clientSecret"], scope="openid email", redirect_uri=CALLBACK, code_challenge_method="S256",
    token_endpoint=server["token_endpoint"],
)
url, state = client.create_authorization_url(server["authorization_endpoint"], code_verifier=verifier, nonce="n")
back = Browser().sign_in(url)
token = client.fetch_token(authorization_response=back, state=state, code_verifier=verifier)
keys = KeySet.import_key_set(requests.get(server["jwks_uri"]).json())
claims = jwt.decode(token["id_token"], keys, algorithms=["RS256"]).claims
rules = jwt.JWTClaimsRegistry(iss={"value": server["issuer"]}, aud={"value": made["clientId"]}, nonce={"value": "n"})
rules.validate(claims)
assert claims["email"] == EMAIL, claims
looked = client.introspect_token(server["introspection_endpoint"], token=token["access_token"]).json()
assert looked["active"] and looked["sub"] == claims["sub"], looked
after = client.refresh_token(server["token_endpoint"], refresh_token=token["refresh_token"])
assert after["access_token"] != token["access_token"]
info = client.get(server["userinfo_endpoint"]).json()
assert info["sub"] == claims["sub"], info
client.revoke_token(server["revocation_endpoint"], token=after["refresh_token"], token_type_hint="refresh_token")
looked = client.introspect_token(server["introspection_endpoint"], token=after["access_token"]).json()
assert looked == {"active": False}, looked
print("code flow, ID token by the JWKS, introspection, refresh, userinfo, revocation: claims checked")
