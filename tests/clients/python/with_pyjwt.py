"""PyJWT: an access token and an ID token verified by the published keys."""

import jwt
import requests

from accord import CALLBACK, EMAIL, Browser, at, connector, person_token

server = requests.get(at("/.well-known/openid-configuration")).json()
keys = jwt.PyJWKClient(server["jwks_uri"])
token = person_token()
claims = jwt.decode(token, keys.get_signing_key_from_jwt(token), algorithms=["EdDSA"], issuer=server["issuer"], options={"verify_aud": False})
assert claims["sub"] and jwt.get_unverified_header(token)["typ"] == "at+jwt", claims
made = connector(idTokenSignedResponseAlg="ES256", requirePkce=False)
request = {"client_id": made["clientId"], "redirect_uri": CALLBACK, "response_type": "code", "scope": "openid email", "nonce": "n"}
back = Browser().sign_in(requests.Request("GET", at("/oauth/authorize"), params=request).prepare().url)
code = requests.utils.urlparse(back).query.split("code=")[1].split("&")[0]
form = {"grant_type": "authorization_code", "code": code, "redirect_uri": CALLBACK}
issued = requests.post(server["token_endpoint"], data=form, auth=(made["clientId"], made["clientSecret"])).json()
id_token = issued["id_token"]
key = keys.get_signing_key_from_jwt(id_token)
claims = jwt.decode(id_token, key, algorithms=["ES256"], audience=made["clientId"], issuer=server["issuer"])
assert (claims["email"], claims["nonce"]) == (EMAIL, "n"), claims
print("access token by EdDSA, ID token by ES256, both by the JWKS: issuer, audience and e-mail address checked")
