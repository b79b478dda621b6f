// server.mjs DATABASE: a Better Auth server with its OAuth provider, on loopback, for prove.sh. Prints its address.
// It makes an account with 200 clients, of which 180 are a year old, and prints the token of a session.
import { webcrypto } from "node:crypto";
import http from "node:http";
import { createRequire } from "node:module";
import { pathToFileURL } from "node:url";

// Node 18 has it under this name only, and the packages below want it.
globalThis.crypto ??= webcrypto;

// The packages lie in the build folder, which is the current one.
const require = createRequire(`${process.cwd()}/package.json`);
const load = async (name) => import(pathToFileURL(require.resolve(name)));
const [{ betterAuth }, { getMigrations }, { toNodeHandler }, { bearer, jwt }, { oauthProvider }, { default: Database }] =
    await Promise.all(["better-auth", "better-auth/db/migration", "better-auth/node", "better-auth/plugins",
        "@better-auth/oauth-provider", "better-sqlite3"].map(load));

let handler;
const server = http.createServer((request, response) => handler(request, response));
await new Promise((ready) => server.listen(0, "127.0.0.1", ready));
const origin = `http://127.0.0.1:${server.address().port}`;
const database = new Database(process.argv[2]);
const options = {
    baseURL: origin,
    database,
    secret: "ZxqT5vB2nL8wKcR4yH7jD1sF6gP3mE9a",
    emailAndPassword: { enabled: true },
    rateLimit: { enabled: false },
    telemetry: { enabled: false },
    advanced: { database: { defaultFindManyLimit: 10_000 } },
    plugins: [bearer(), jwt(), oauthProvider({ loginPage: "/login", consentPage: "/consent" })],
};
const auth = betterAuth(options);
await (await getMigrations(options)).runMigrations();
handler = toNodeHandler(auth);

const post = (path, body, token) => fetch(`${origin}/api/auth${path}`, {
    method: "POST",
    headers: { origin, "content-type": "application/json", ...(token && { authorization: `Bearer ${token}` }) },
    body: JSON.stringify(body),
});
const signed = await post("/sign-up/email", { email: "ops@example.com", password: "correct horse", name: "Ops" });
const token = signed.headers.get("set-auth-token");
for (let n = 1; n <= 200; n += 1) {
    const name = n <= 180 ? `stale ${n}` : `fresh ${n}`;
    const made = await post("/oauth2/create-client", { client_name: name, redirect_uris: ["https://app.example/cb"] }, token);
    if (made.status !== 201) throw new Error(await made.text());
}
const then = new Date(Date.now() - 365 * 86_400_000);
const { createdAt } = database.prepare("SELECT createdAt FROM oauthClient").get();
database.prepare("UPDATE oauthClient SET createdAt = ? WHERE name LIKE 'stale %'")
    .run(typeof createdAt === "number" ? then.getTime() : then.toISOString());
console.log(`${origin}/api/auth ${token}`);
