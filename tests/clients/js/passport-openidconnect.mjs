// passport-openidconnect in Express: the profile that an application gets. It knows no PKCE, so the connector
// has requirePkce: false and it has nonce: true.
import express from "express";
import session from "express-session";
import passport from "passport";
import OpenIDConnectStrategy from "passport-openidconnect";
import { at, Browser, connector, expect, issuer, person } from "./accord.mjs";

const app = express();
const server = await new Promise((resolve) => { const server = app.listen(0, "127.0.0.1", () => resolve(server)); });
const own = `http://127.0.0.1:${server.address().port}`;
const made = await connector({ redirectUris: [`${own}/callback`], requirePkce: false });
passport.use(new OpenIDConnectStrategy({
  issuer: issuer.href.replace(/\/$/, ""), authorizationURL: at("/oauth/authorize"), tokenURL: at("/oauth/token"), userInfoURL: at("/oauth/userinfo"),
  clientID: made.clientId, clientSecret: made.clientSecret, callbackURL: `${own}/callback`, scope: ["profile", "email"], nonce: true,
}, (issuer, profile, done) => done(null, { issuer, profile })));
passport.serializeUser((user, done) => done(null, user));
app.use(session({ secret: "of this process", resave: false, saveUninitialized: true }), passport.initialize());
app.get("/sign-in", passport.authenticate("openidconnect"));
app.get("/callback", passport.authenticate("openidconnect", { failWithError: true }), (request, answer) => answer.json(request.user));
app.use((error, request, answer, next) => answer.status(500).json({ error: String(error.stack) }));

const begun = await fetch(`${own}/sign-in`, { redirect: "manual" });
const cookie = begun.headers.getSetCookie()[0].split(";")[0];
const back = await new Browser().signIn(begun.headers.get("location"));
const user = await (await fetch(back, { headers: { cookie } })).json();
expect(user.profile?.emails?.[0]?.value === person.email, `the profile: ${JSON.stringify(user)}`);
server.close();
server.closeAllConnections();
console.log("sign-in with a nonce: the profile's e-mail address checked");
