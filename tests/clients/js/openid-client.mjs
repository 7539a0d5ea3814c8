// openid-client: discovery as it comes, code flow with PKCE, userinfo, refresh, sign-out; each signing algorithm; a public client.
import * as client from "openid-client";
import { at, Browser, callback, connector, expect, issuer, person } from "./accord.mjs";

async function discover(made) {
  const authentication = made.clientSecret ? undefined : client.None();
  // The signature of the ID token is checked, too.
  const execute = [client.allowInsecureRequests, client.enableNonRepudiationChecks];
  const metadata = { client_secret: made.clientSecret, id_token_signed_response_alg: made.idTokenSignedResponseAlg };
  return client.discovery(issuer, made.clientId, metadata, authentication, { execute });
}

async function tokens(config, browser, more = {}) {
  const verifier = client.randomPKCECodeVerifier(), state = client.randomState(), nonce = client.randomNonce();
  const url = client.buildAuthorizationUrl(config, {
    redirect_uri: callback, scope: "openid email", state, nonce, code_challenge_method: "S256",
    code_challenge: await client.calculatePKCECodeChallenge(verifier), ...more,
  });
  const sent = await browser.signIn(url.href);
  return client.authorizationCodeGrant(config, sent, { pkceCodeVerifier: verifier, expectedState: state, expectedNonce: nonce, idTokenExpected: true });
}

for (const alg of ["RS256", "ES256", "EdDSA"]) {
  const made = await connector({ idTokenSignedResponseAlg: alg });
  const config = await discover(made);
  const got = await tokens(config, new Browser());
  expect(got.claims().email === person.email, `the e-mail address by ${alg}`);
}

const made = await connector({ public: true, postLogoutRedirectUris: [callback] });
const config = await discover(made), browser = new Browser();
const got = await tokens(config, browser);
const info = await client.fetchUserInfo(config, got.access_token, got.claims().sub);
expect(info.email === person.email, "userinfo's e-mail address");
const silent = await tokens(config, browser, { prompt: "none", id_token_hint: got.id_token });
expect(silent.claims().sub === got.claims().sub, "the same person without a question");
const next = await client.refreshTokenGrant(config, got.refresh_token);
expect(next.access_token !== got.access_token, "another token");
const out = client.buildEndSessionUrl(config, { id_token_hint: got.id_token, post_logout_redirect_uri: callback, state: "bye" });
const after = await browser.go(out.href);
expect(after.url === `${callback}?state=bye`, `signed out, and sent back: ${after.url}`);
const asked = await browser.go(client.buildAuthorizationUrl(config, { redirect_uri: callback, scope: "openid", prompt: "none", nonce: "n", code_challenge: await client.calculatePKCECodeChallenge("v"), code_challenge_method: "S256" }).href);
expect(new URL(asked.url).searchParams.get("error") === "login_required", `nobody is signed in: ${asked.url}`);
console.log("discovery, code flow by RS256, ES256, EdDSA and as a public client, userinfo, prompt=none, refresh, sign-out: claims checked");
