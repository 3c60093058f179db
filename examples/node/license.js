// Runs by a lease: node license.js SERVER PRODUCT ROOT-KEY STATE-FILE, with the license in SIGNET_LICENSE. Exit code
// 0: run, 10: run and warn, 20: stop. In your software PRODUCT and ROOT-KEY are constants, never arguments.
import { createHash, randomBytes } from "node:crypto";
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { decodeProtectedHeader, importJWK, jwtVerify } from "jose";

const [server, product, root, file] = process.argv.slice(2);
const { SIGNET_LICENSE: code, SIGNET_MACHINE_ID: own } = process.env;
const digest = (text) => createHash("sha256").update(text).digest("base64url");
const [name, value] = own ? ["operator", own] : ["machine-id", readFileSync("/etc/machine-id", "utf8").trim()];
const components = { [name]: digest(`${name}:${value}`) };

// The claims of a signed text of this kind, for this product, by a key that is believed. `standing` judges its times.
async function read(text, kind, keys) {
  const key = await importJWK({ kty: "OKP", crv: "Ed25519", x: keys[decodeProtectedHeader(text).kid] }, "EdDSA");
  const rules = { algorithms: ["EdDSA"], typ: `${kind}+jwt`, audience: `${product}/${kind}`, currentDate: new Date(0) };
  return (await jwtVerify(text, key, rules)).payload;
}

// The keys that the pinned root lists and has not revoked, and the list's number.
async function believed(text) {
  const { keys, number } = await read(text, "keys", { [decodeProtectedHeader(text).kid]: root });
  return [Object.fromEntries(keys.filter(({ state }) => state !== "revoked").map(({ kid, x }) => [kid, x])), number];
}

// The state with a new lease, or without one after a signed no. Anything else says nothing: an exception.
async function ask(path, question, state) {
  const nonce = randomBytes(16).toString("base64url");
  const headers = { Authorization: `License ${code}`, "Content-Type": "application/json" };
  const post = { method: "POST", redirect: "error", headers, body: JSON.stringify({ ...question, components, nonce }) };
  const response = await fetch(`${server}/api/v1/activations${path}`, { ...post, signal: AbortSignal.timeout(5000) });
  const answer = await response.json();
  if (!response.ok) console.error(JSON.stringify(answer.detail));
  const [keys, number] = await believed(answer.keys ?? state.keys);
  const claims = await (response.ok ? read(answer.lease, "lease", keys) : read(answer.signed, "validation", keys));
  const asked = claims.asked ?? { nonce: claims.nonce, license: digest(code) };
  const ours = asked.nonce === nonce && asked.license === digest(code) && number >= state.number;
  if (!ours) throw new Error("an old key list, or the answer to another question");
  if (response.ok) return { lease: answer.lease, keys: answer.keys, number, seen: Math.max(claims.time, state.seen) };
  return claims.conclusive || claims.reason === "lease_ended" ? { ...state, lease: null } : state;
}

// Exit code, and where to ask for the next lease when it is time, by a clock that never goes back.
async function standing(state) {
  const [lease, clock] = [await read(state.lease, "lease", (await believed(state.keys))[0]), Date.now() / 1000];
  const [now, same] = [Math.max(clock, state.seen / 1e6), lease.machine.components[name] === components[name]];
  const stop = same && now < lease.exp ? 0 : same && now < lease.grace_until ? 10 : 20;
  return [stop, stop || now >= Math.min(lease.renew_after, clock + 300) ? `/${lease.activation}/renew` : null];
}

let state = existsSync(file) ? JSON.parse(readFileSync(file, "utf8")) : { lease: null, number: 0, seen: 0 };
try {
  const path = state.lease ? (await standing(state))[1] : "";
  if (path !== null) state = await ask(path, path ? {} : { product }, state);
  writeFileSync(file, JSON.stringify(state), { mode: 0o600 });
} catch (error) {
  console.error(`no new lease: ${error.message}`);
}
process.exitCode = state.lease ? (await standing(state))[0] : 20;
