// oauth4webapi: every step by itself, each answer validated.
import * as oauth from "oauth4webapi";
import { Browser, callback, connector, expect, issuer, person } from "./accord.mjs";

const insecure = { [oauth.allowInsecureRequests]: true };
const server = await oauth.processDiscoveryResponse(issuer, await oauth.discoveryRequest(issuer, insecure));
const made = await connector({ scopes: ["accounts:read"] });
const client = { client_id: made.clientId };
const authentication = oauth.ClientSecretBasic(made.clientSecret);

const verifier = oauth.generateRandomCodeVerifier(), state = oauth.generateRandomState(), nonce = oauth.generateRandomNonce();
const url = new URL(server.authorization_endpoint);
url.search = new URLSearchParams({
  client_id: client.client_id, redirect_uri: callback, response_type: "code", scope: "openid email accounts:read", state, nonce,
  code_challenge: await oauth.calculatePKCECodeChallenge(verifier), code_challenge_method: "S256",
});
const sent = oauth.validateAuthResponse(server, client, await new Browser().signIn(url.href), state);
const answer = await oauth.authorizationCodeGrantRequest(server, client, authentication, sent, callback, verifier, insecure);
const got = await oauth.processAuthorizationCodeResponse(server, client, answer, { expectedNonce: nonce, requireIdToken: true });
await oauth.validateApplicationLevelSignature(server, answer, insecure);
const claims = oauth.getValidatedIdTokenClaims(got);
expect(claims.email === person.email, "the e-mail address");

const info = await oauth.userInfoRequest(server, client, got.access_token, insecure);
expect((await oauth.processUserInfoResponse(server, client, claims.sub, info)).sub === claims.sub, "userinfo is of the same person");
const looked = await oauth.introspectionRequest(server, client, authentication, got.access_token, insecure);
expect((await oauth.processIntrospectionResponse(server, client, looked)).active === true, "the token is active");
await oauth.processRevocationResponse(await oauth.revocationRequest(server, client, authentication, got.refresh_token, insecure));
const refused = await oauth.refreshTokenGrantRequest(server, client, authentication, got.refresh_token, insecure);
const error = await oauth.processRefreshTokenResponse(server, client, refused).then(() => undefined, (error) => error);
expect(error?.error === "invalid_grant", `a revoked token is none: ${error}`);

const own = await oauth.clientCredentialsGrantRequest(server, client, authentication, new URLSearchParams({ scope: "accounts:read" }), insecure);
expect((await oauth.processClientCredentialsResponse(server, client, own)).scope === "accounts:read", "the client's own token");
console.log("discovery, code flow, userinfo, introspection, revocation, client credentials: claims checked");
