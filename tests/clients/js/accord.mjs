// What the clients have in common: the Accord that they are tried against, a relying party of it, and a person with a browser.

const base = process.env.ACCORD_URL;
export const issuer = new URL(base);
export const person = { email: process.env.ACCORD_EMAIL, password: process.env.ACCORD_PASSWORD };
export const callback = "http://127.0.0.1:9/callback";

export const at = (path) => new URL(path, base).href;

export function expect(is, what) {
  if (!is) throw new Error(`not as it should be: ${what}`);
}

async function json(path, init) {
  const answer = await fetch(at(path), init);
  const body = await answer.json();
  expect(answer.ok, `${path} ${answer.status} ${JSON.stringify(body)}`);
  return body;
}

/** A token of the person, by the password. */
export async function personToken() {
  const body = new URLSearchParams({ grant_type: "password", username: person.email, password: person.password });
  return (await json("/oauth/token", { method: "POST", body })).access_token;
}

/** A connector, as the accounts API makes it. */
export async function connector(more = {}) {
  const headers = { authorization: `Bearer ${await personToken()}`, "content-type": "application/json" };
  const body = JSON.stringify({ name: "Client", redirectUris: [callback], ...more });
  return json("/api/connectors", { method: "POST", headers, body });
}

const text = (encoded) => encoded.replaceAll("&quot;", '"').replaceAll("&lt;", "<").replaceAll("&gt;", ">").replaceAll("&amp;", "&");

/** A browser without scripts: it keeps cookies, and follows where it is sent until that is elsewhere. */
export class Browser {
  #cookies = new Map();

  async go(url, init = {}) {
    for (;;) {
      const cookie = [...this.#cookies].map(([name, value]) => `${name}=${value}`).join("; ");
      const headers = { ...init.headers, ...(cookie && { cookie }) };
      const answer = await fetch(url, { ...init, headers, redirect: "manual" });
      for (const set of answer.headers.getSetCookie()) {
        const [, name, value] = /^([^=]+)=([^;]*)/.exec(set);
        this.#cookies.set(name, value);
      }
      const location = answer.headers.get("location");
      if (!location) return { url, status: answer.status, page: await answer.text() };
      url = new URL(location, url).href;
      if (new URL(url).origin !== issuer.origin) return { url };
      init = {};
    }
  }

  /** Sends the first form of a page that has all of these fields, with them filled in. */
  async send(shown, filled) {
    const forms = shown.page.match(/<form[^]*?<\/form>/g) ?? [];
    const form = forms.find((form) => Object.keys(filled).every((name) => form.includes(`name="${name}"`)));
    expect(form, `a form with ${Object.keys(filled)} at ${shown.url}: ${shown.page}`);
    const hidden = [...form.matchAll(/<input type="hidden" name="([^"]*)" value="([^"]*)"/g)];
    const body = new URLSearchParams(hidden.map(([, name, value]) => [name, text(value)]));
    for (const [name, value] of Object.entries(filled)) body.set(name, value);
    const action = text(/action="([^"]*)"/.exec(form)[1]);
    return this.go(new URL(action, shown.url).href, { method: "POST", body });
  }

  /** Signs in for a client, and returns where the browser is sent back to. */
  async signIn(url, { email, password } = person) {
    let shown = await this.go(url);
    if (shown.page?.includes('name="password"')) shown = await this.send(shown, { name: email, password });
    expect(!shown.page, `sent back, and not ${shown.url} ${shown.page}`);
    return new URL(shown.url);
  }
}
