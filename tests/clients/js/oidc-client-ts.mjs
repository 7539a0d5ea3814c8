// oidc-client-ts in Chromium: a page of another origin signs somebody in by redirect, and reads the claims.
import { readFile } from "node:fs/promises";
import { createServer } from "node:http";
import puppeteer from "puppeteer-core";
import { connector, expect, issuer, person } from "./accord.mjs";

const library = await readFile(new URL("../node_modules/oidc-client-ts/dist/browser/oidc-client-ts.min.js", import.meta.url));
const page = (settings) => `<!doctype html><title>App</title><script src="/library.js"></script><script>
  const manager = new oidc.UserManager(${JSON.stringify(settings)});
  const show = (what) => { document.title = JSON.stringify(what); };
  const work = location.pathname === "/callback" ? manager.signinRedirectCallback().then((user) => show(user.profile)) : manager.signinRedirect();
  work.catch((error) => show({ error: String(error) }));</script>`;
let settings;
const server = createServer((request, answer) => {
  const isLibrary = request.url === "/library.js";
  answer.setHeader("content-type", isLibrary ? "text/javascript" : "text/html");
  answer.end(isLibrary ? library : page(settings));
});
await new Promise((resolve) => server.listen(Number(process.env.ACCORD_PAGE_PORT), "127.0.0.1", resolve));
const own = process.env.ACCORD_PAGE_ORIGIN;
const made = await connector({ redirectUris: [`${own}/callback`], public: true });
settings = { authority: issuer.href, client_id: made.clientId, redirect_uri: `${own}/callback`, scope: "openid email" };

const browser = await puppeteer.launch({ executablePath: process.env.CHROMIUM ?? "/usr/bin/chromium", args: ["--no-sandbox", "--disable-dev-shm-usage"] });
try {
  const tab = await browser.newPage();
  await tab.goto(`${own}/`);
  await tab.waitForSelector("#password");
  await tab.type("#name", person.email);
  await tab.type("#password", person.password);
  await tab.click("main button");
  await tab.waitForFunction(() => document.title.startsWith("{"));
  const claims = JSON.parse(await tab.title());
  expect(claims.email === person.email, `the claims: ${JSON.stringify(claims)}`);
} finally {
  await browser.close();
  server.close();
  server.closeAllConnections();
}
console.log("sign-in of a page of another origin, by redirect: the claims checked");
