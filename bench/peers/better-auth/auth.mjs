// better-auth with its organization plugin on SQLite: its defaults, without the limits that a bench would meet.

import { betterAuth } from "better-auth";
import { organization } from "better-auth/plugins/organization";
import Database from "better-sqlite3";

const database = new Database(process.env.STORE);
// As Accord has it: an acknowledged write survives a power cut.
database.pragma("journal_mode = WAL");
database.pragma("synchronous = FULL");
database.pragma("busy_timeout = 5000");

export const auth = betterAuth({
  baseURL: process.env.URL,
  secret: "a secret of the bench, which is long enough for better-auth",
  database,
  logger: { level: "error" },
  telemetry: { enabled: false },
  rateLimit: { enabled: false },
  emailAndPassword: { enabled: true },
  plugins: [organization({ membershipLimit: 1_000_000 })],
});
