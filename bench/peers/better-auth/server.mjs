// Serves better-auth, a worker per processor.

import cluster from "node:cluster";
import { createServer } from "node:http";

import { fromNodeHeaders, toNodeHandler } from "better-auth/node";

import { auth } from "./auth.mjs";

if (cluster.isPrimary) {
  for (let i = 0; i < Number(process.env.WORKERS); i++) {
    cluster.fork();
  }
} else {
  const handler = toNodeHandler(auth);
  const server = createServer(async (request, response) => {
    if (request.url !== "/add-member") {
      return handler(request, response);
    }
    // better-auth adds a member only when its own server asks for it, so here is a server that asks for whoever signed in.
    try {
      let text = "";
      for await (const part of request) {
        text += part;
      }
      const headers = fromNodeHeaders(request.headers);
      const session = await auth.api.getSession({ headers });
      const added = session && (await auth.api.addMember({ body: JSON.parse(text), headers }));
      response.writeHead(added ? 200 : 401, { "content-type": "application/json" }).end(JSON.stringify(added));
    } catch (error) {
      response.writeHead(error.statusCode ?? 500).end(String(error));
    }
  });
  server.listen(Number(process.env.PORT), "127.0.0.1");
}
