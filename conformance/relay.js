#!/usr/bin/env node
// relay.js FAULT COMMAND [ARG...]: runs COMMAND with a relay in front of the API in HEROKU_HOST (or in the variable of
// --at), which does one thing wrong. A command of the tools behind `lose` shows whether they cope; a bridge that breaks
// a rule of oauth-bridge(7) shows whether bridge.sh notices. It has no server of its own: all it knows is what passes.
//
//   lose:METHOD:PATH     closes the connection in place of the first response to such a request
//   break:RULE           breaks a rule each time, or `none`: see BROKEN
"use strict";
const { spawn } = require("node:child_process");
const fs = require("node:fs");
const http = require("node:http");
const os = require("node:os");

const words = process.argv.slice(2);
const variable = words[0] === "--at" ? words.splice(0, 2)[1] : "HEROKU_HOST";
const [fault, ...command] = words;
const [what, ...how] = (fault ?? "").split(":");
const target = new URL(process.env[variable] || "missing:");
const error = (status, id, message) => ({ status, body: JSON.stringify({ id, message }) });

/** What each broken rule does: to a request before it is sent, or to its response. */
const aliases = new Map(); // for `reuse`: the real id of each short one
let swallowed = false;
const BROKEN = {
    none: {},
    status: {},
    signal: {},
    everywhere: {},
    stores: { request: () => fs.writeFileSync(`${process.env.HOME}/credential`, process.env.HEROKU_API_KEY) },
    credential: { request: (r) => (r.headers.authorization = `Bearer ${process.env.HEROKU_API_KEY}`) },
    // The smallest number that is free, as a database without AUTOINCREMENT gives it.
    reuse: {
        request: (r) => (r.path = r.path.replace(/^(\/oauth\/clients\/)(\d+)/, (_, path, n) => path + (aliases.get(n) ?? n))),
        response: (r, body) => {
            for (const client of r.path.startsWith("/oauth/clients") ? [body].flat().filter((c) => c?.id) : []) {
                let [number] = [...aliases].find(([, id]) => id === client.id) ?? [];
                for (let n = 1; !number; n += 1) if (!aliases.has(`${n}`)) aliases.set((number = `${n}`), client.id);
                if (r.method === "DELETE") aliases.delete(number);
                client.id = number;
            }
        },
    },
    mask: { response: (r, body) => [body].flat().forEach((a) => a?.access_token && (a.access_token.token = "**********")) },
    secret: { response: (r, body) => r.method === "POST" && delete body.secret },
    "new-id": { response: (r, body) => r.path.endsWith("rotate-credentials") && (body.id = body.id.replace(/.$/, (c) => (c === "0" ? "1" : "0"))) },
    // Sends a create again by itself.
    twice: { request: (r) => r.method === "POST" && r.path === "/oauth/clients" && (r.times = 2) },
    dates: { response: (r, body) => [body].flat().forEach((o) => o?.created_at && (o.created_at = "2020-01-01T00:00:00Z")) },
    // A verb that is not there, as a web server reports it.
    verb: { respond: (r) => r.method === "PATCH" && { status: 404, body: "<html>Not found</html>" } },
    // What is gone was never there.
    absent: { respond: (r) => r.method === "GET" && /0000$/.test(r.path) && error(500, "error", "no row") },
    gone: { respond: (r, status) => r.method === "DELETE" && status === 404 && error(200, "ok", "already gone") },
    // The requests left in this second.
    quota: { headers: { "RateLimit-Remaining": "3" } },
    // A scope that it does not know is left out.
    scope: { request: (r) => r.path === "/oauth/authorizations" && r.method === "POST" && (r.body = r.body.replace(/"no-such-scope"/, '"global"')) },
    cut: { response: (r, body) => Array.isArray(body) && body.splice(Math.ceil(body.length / 2)) },
};
const broken = what === "break" ? BROKEN[how[0]] : what === "lose" && how.length === 2 ? {} : undefined;
if (!broken || command.length === 0 || target.protocol !== "http:") {
    console.error(`usage: relay.js [--at VARIABLE] lose:METHOD:PATH|break:RULE COMMAND [ARG...]\nrules: ${Object.keys(BROKEN).join(" ")}`);
    process.exit(2);
}

/** Sends a request on, and returns its response. */
function send({ method, path, headers, body }) {
    return new Promise((resolve, reject) => {
        const request = http.request({ host: target.hostname, port: target.port, method, path, headers }, (response) => {
            let text = "";
            response.setEncoding("utf8").on("data", (part) => (text += part)).on("error", reject);
            response.on("end", () => resolve({ status: response.statusCode, headers: response.headers, body: text }));
        });
        request.on("error", reject).end(body);
    });
}

async function relay(request, response) {
    let body = "";
    for await (const part of request.setEncoding("utf8")) body += part;
    const { "content-length": _, connection: __, ...headers } = { ...request.headers, host: target.host };
    if (headers.origin) headers.origin = target.origin;
    const asked = { method: request.method, path: request.url, headers, body, times: 1 };
    broken.request?.(asked);
    if (asked.body) asked.headers["content-length"] = Buffer.byteLength(asked.body);
    let answer;
    for (let n = 0; n < asked.times; n += 1) answer = await send(asked);
    if (what === "lose" && !swallowed && asked.method === how[0] && asked.path.startsWith(how[1])) {
        swallowed = true;
        request.socket.destroy();
        return;
    }
    answer = { ...answer, ...(broken.respond?.(asked, answer.status) || {}) };
    if (broken.response && answer.status < 300 && answer.body) {
        const json = JSON.parse(answer.body);
        broken.response(asked, json);
        answer.body = JSON.stringify(json);
    }
    const { "content-length": ___, "transfer-encoding": ____, connection: _____, ...kept } = answer.headers;
    response.writeHead(answer.status, { ...kept, ...broken.headers, "content-length": Buffer.byteLength(answer.body) });
    response.end(answer.body);
}

const server = http.createServer((request, response) => relay(request, response).catch(() => request.socket.destroy()));
server.listen(0, how[0] === "everywhere" ? "0.0.0.0" : "127.0.0.1", () => {
    const url = `http://127.0.0.1:${server.address().port}${target.pathname.replace(/\/$/, "")}`;
    const child = spawn(command[0], command.slice(1), { stdio: "inherit", env: { ...process.env, [variable]: url } });
    for (const name of ["SIGTERM", "SIGHUP"]) process.on(name, () => (how[0] === "signal" ? process.exit(1) : child.kill(name)));
    child.on("error", (e) => process.exit(e.code === "ENOENT" ? 127 : 126));
    child.on("exit", (code, signal) => {
        // A loss that never happened would prove nothing.
        if (what === "lose" && !swallowed) {
            console.error(`relay.js: no ${how.join(" ")} came by`);
            process.exit(99);
        }
        process.exit(how[0] === "status" ? 0 : (code ?? 128 + os.constants.signals[signal]));
    });
});
