// The peer: c15t's own backend as its quickstart mounts it, and beside it a bare handler with one indexed INSERT.
// node server.mjs <port> <postgresql address>; prints "ready" when it listens.
import { c15tInstance, policyPackPresets } from "@c15t/backend";
import { kyselyAdapter } from "@c15t/backend/db/adapters/kysely";
import { migrator } from "@c15t/backend/db/migrator";
import { DB } from "@c15t/backend/db/schema";
import { getRequestListener } from "@hono/node-server";
import { randomBytes, randomUUID } from "node:crypto";
import { createServer } from "node:http";
import { Kysely, PostgresDialect } from "kysely";
import pg from "pg";

const [port, connectionString] = process.argv.slice(2);
const pool = new pg.Pool({ connectionString, max: 10 });
const adapter = kyselyAdapter({ db: new Kysely({ dialect: new PostgresDialect({ pool }) }), provider: "postgresql" });

const { execute } = await migrator({ db: DB.client(adapter), schema: "latest" });
await execute();
await pool.query("CREATE TABLE IF NOT EXISTS bare (id uuid PRIMARY KEY, body jsonb NOT NULL)");

const { handler } = c15tInstance({
  appName: "peer",
  basePath: "/api/c15t",
  trustedOrigins: ["http://shop.test"],
  adapter,
  policyPacks: [policyPackPresets.europeOptIn(), policyPackPresets.worldNoBanner()],
  policySnapshot: { signingKey: randomBytes(32).toString("hex") },
  logger: { level: "error" },
});
const peer = getRequestListener(handler);

function bare(request, response) {
  const parts = [];
  request.on("data", (part) => parts.push(part));
  request.on("end", () => {
    const id = randomUUID();
    pool.query("INSERT INTO bare VALUES ($1, $2)", [id, Buffer.concat(parts).toString()]).then(
      () => response.writeHead(201, { "content-type": "application/json" }).end(JSON.stringify({ id })),
      (error) => response.writeHead(500).end(String(error)),
    );
  });
}

createServer((request, response) => (request.url === "/bare" ? bare : peer)(request, response)).listen(
  Number(port),
  "127.0.0.1",
  () => console.log("ready"),
);
