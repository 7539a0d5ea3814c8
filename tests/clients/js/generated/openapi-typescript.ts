import createClient from "openapi-fetch";
import type { components, paths } from "./schema.js";

type Callers = Record<"base" | "clientId" | "clientSecret" | "accountKey" | "email" | "password", string> & { unique: number };

function expect<T>(value: T | undefined, is: (value: T) => boolean, what: string): T {
  if (value === undefined || !is(value)) throw new Error(`${what}: ${JSON.stringify(value)}`);
  return value;
}

export async function main({ base, clientId, clientSecret, accountKey, email, password, unique }: Callers): Promise<string> {
  const client = createClient<paths>({ baseUrl: base });
  const basic = (name: string, secret: string) => ({ authorization: `Basic ${btoa(`${name}:${secret}`)}` });

  const bodySerializer = (body: components["schemas"]["TokenRequest"]) => new URLSearchParams(Object.entries(body)).toString();
  const form = { headers: { "content-type": "application/x-www-form-urlencoded" }, bodySerializer };
  const token = async (body: components["schemas"]["TokenRequest"], own: Record<string, string> = {}) => {
    const { data, error } = await client.POST("/oauth/token", { ...form, body, headers: { ...form.headers, ...own } });
    return { authorization: `Bearer ${expect(data, ({ expires_in }) => expires_in > 0, JSON.stringify(error)).access_token}` };
  };
  const connector = await token({ grant_type: "client_credentials" }, basic(clientId, clientSecret));
  const person = await token({ grant_type: "password", username: email, password });

  const pushed = await client.PATCH("/api/integrations/v1/users", {
    headers: connector,
    body: { [`user_${unique}`]: { email: `typed-${unique}@example.com` } },
  });
  if (!pushed.response.ok) throw new Error(`portal: ${JSON.stringify(pushed.error)}`);

  const made = await client.POST("/Endpoint/rest/api/v1/Account", {
    headers: connector,
    body: { Username: `typed-${unique}`, FirstName: "Jane", LanguageId: "fi-FI" },
  });
  const record = expect(made.data, ({ FirstName }) => FirstName === "Jane", JSON.stringify(made.error));
  expect(record.LanguageId?.Name ?? undefined, (name) => name.startsWith("Finnish"), "the language of a record");

  const health = await client.GET("/app/api.php", {
    headers: basic(email, password),
    params: { header: { "Account-Key": accountKey }, query: { action: "connection_health", statuses: "ACTIVE,PENDING" } },
  });
  expect(health.data, ({ count, connections }) => count === connections.length && count > 0, JSON.stringify(health.error));

  const name = `Typed ${unique}`;
  const account = await client.POST("/api/accounts", { headers: person, params: {}, body: { name, country: "FI" } });
  const { id } = expect(account.data, (made) => made.name === name, JSON.stringify(account.error));
  const shown = await client.GET("/api/accounts/{id}", { headers: person, params: { path: { id: String(id) } } });
  expect(shown.data, ({ country, status }) => country === "FI" && status === "active", JSON.stringify(shown.error));
  const page = await client.GET("/api/accounts", { headers: person, params: { query: { $filter: `name eq '${name}'`, $top: 2 } } });
  expect(page.data, ({ count, value }) => count === 1 && value[0].id === id, JSON.stringify(page.error));
  const gone = await client.DELETE("/api/accounts/{id}", { headers: person, params: { path: { id } } });
  expect(gone.data, ({ success }) => success, JSON.stringify(gone.error));
  const missing = await client.GET("/api/accounts/{id}", { headers: person, params: { path: { id: String(id) } } });
  expect(missing.error, ({ code }) => code === "ACCOUNT_NOT_FOUND", "an account that is gone");
  return "types compile strictly; an operation of each API, a failure: values checked";
}
