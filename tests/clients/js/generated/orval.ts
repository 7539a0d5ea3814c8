import * as accord from "./api.js";

type Callers = Record<"clientId" | "clientSecret" | "accountKey" | "email" | "password", string> & { unique: number };

function expect(right: boolean, answer: { status: number; data: unknown }) {
  if (!right) throw new Error(`${answer.status} ${JSON.stringify(answer.data)}`);
}

export async function main({ clientId, clientSecret, accountKey, email, password, unique }: Callers): Promise<string> {
  const basic = (name: string, secret: string) => `Basic ${btoa(`${name}:${secret}`)}`;
  const token = async (request: accord.TokenRequest, headers: Record<string, string> = {}) => {
    const answer = await accord.oauthToken(request, { headers });
    if (answer.status !== 200) throw new Error(JSON.stringify(answer.data));
    return { headers: { authorization: `Bearer ${answer.data.access_token}` } };
  };
  const connector = await token({ grant_type: "client_credentials" }, { authorization: basic(clientId, clientSecret) });
  const person = await token({ grant_type: "password", username: email, password });

  const pushed = await accord.portalPutUsers({ [`user_${unique}`]: { email: `orval-${unique}@example.com` } }, undefined, connector);
  expect(pushed.status === 200, pushed);

  const record = await accord.postAccount({ Username: `orval-${unique}`, FirstName: "Jane", LanguageId: "fi-FI" }, connector);
  if (record.status !== 200) throw new Error(JSON.stringify(record.data));
  expect(record.data.FirstName === "Jane" && record.data.LanguageId?.Id === "fi-FI", record);

  const headers = { authorization: basic(email, password), "Account-Key": accountKey };
  const health = await accord.connectionHealth({ action: "connection_health", statuses: "ACTIVE,PENDING" }, { headers });
  if (health.status !== 200) throw new Error(JSON.stringify(health.data));
  expect(health.data.count > 0 && health.data.count === health.data.connections.length, health);

  const name = `Orval ${unique}`;
  const account = await accord.accountsCreate({ name, country: "FI" }, person);
  if (account.status !== 201) throw new Error(JSON.stringify(account.data));
  const { id } = account.data;
  const shown = await accord.accountsGet(String(id), person);
  expect(shown.status === 200 && shown.data.name === name && shown.data.country === "FI", shown);
  const page = await accord.accountsList({ $filter: `name eq '${name}'`, $top: 2 }, person);
  expect(page.status === 200 && page.data.count === 1 && page.data.value[0].id === id, page);
  const gone = await accord.accountsDelete(id, person);
  expect(gone.status === 200 && gone.data.success, gone);
  const missing = await accord.accountsGet(String(id), person);
  expect(missing.status === 404 && missing.data.code === "ACCOUNT_NOT_FOUND", missing);
  return "functions compile strictly; an operation of each API, a failure: values checked";
}
