// simple-oauth2: the three grants that it has.
import { AuthorizationCode, ClientCredentials, ResourceOwnerPassword } from "simple-oauth2";
import { at, Browser, callback, connector, expect, issuer, person } from "./accord.mjs";

const made = await connector({ scopes: ["accounts:read"], requirePkce: false });
const settings = {
  client: { id: made.clientId, secret: made.clientSecret },
  auth: { tokenHost: issuer.href, tokenPath: "/oauth/token", revokePath: "/oauth/revoke" },
  // By default it takes the empty answer of a revocation (RFC 7009, section 2.2) for a failure.
  http: { json: true },
};
const own = await new ClientCredentials(settings).getToken({ scope: "accounts:read" });
expect(own.token.scope === "accounts:read" && !own.expired(), "the client's own token");
const byPassword = await new ResourceOwnerPassword(settings).getToken({ username: person.email, password: person.password });
const next = await byPassword.refresh();
expect(next.token.access_token !== byPassword.token.access_token, "another token");
const client = new AuthorizationCode({ ...settings, auth: { ...settings.auth, authorizePath: "/oauth/authorize" } });
const back = await new Browser().signIn(client.authorizeURL({ redirect_uri: callback, scope: "openid accounts:read", state: "s", nonce: "n" }));
const got = await client.getToken({ code: back.searchParams.get("code"), redirect_uri: callback });
const answer = await fetch(at("/oauth/userinfo"), { headers: { authorization: `Bearer ${got.token.access_token}` } });
expect(typeof (await answer.json()).sub === "string", "userinfo says who");
await got.revokeAll();
const after = await fetch(at("/oauth/userinfo"), { headers: { authorization: `Bearer ${got.token.access_token}` } });
expect(after.status === 401, `a revoked token is none: ${after.status}`);
console.log("client credentials, password, refresh, code, revocation: a value of each checked");
