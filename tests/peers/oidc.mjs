// An OpenID Connect provider that others wrote (npm's oidc-provider), on loopback, for the system tests.
//
//   node tests/peers/oidc.mjs
//
// Reads its configuration as one line of JSON from standard input: {"clients": [...]}, each a client's metadata.
// Prints one line, {"issuer"}, when it serves, and ends with its standard input. What people do at its pages, a test does here:
//
//   GET  /interaction/{uid}?account=JSON   signs in as {sub, email, email_verified, …} and consents
//   GET  /interaction/{uid}?deny           says no
//   POST /test/client?id=ID                replaces members of a client's metadata by those of the JSON body

import { generateKeyPairSync, randomBytes } from "node:crypto";
import { createServer } from "node:http";
import { createInterface } from "node:readline";
import { interactionPolicy, Provider } from "oidc-provider";

// Standard output is for the one line; nobody reads on.
console.log = console.info = console.error;

const lines = createInterface({ input: process.stdin });
const [line] = await new Promise((resolve) => lines.once("line", (text) => resolve([text])));
const { clients } = JSON.parse(line);
process.stdin.on("end", () => process.exit(0));

const server = createServer();
await new Promise((resolve) => server.listen(0, "127.0.0.1", resolve));
const issuer = `http://127.0.0.1:${server.address().port}`;

/** Everything in memory; clients may change while it runs. */
const stores = new Map();
class Adapter {
  constructor(name) {
    if (!stores.has(name)) stores.set(name, new Map());
    this.rows = stores.get(name);
  }
  async upsert(id, payload) {
    this.rows.set(id, payload);
  }
  async find(id) {
    return this.rows.get(id);
  }
  async findByUid(uid) {
    return [...this.rows.values()].find((row) => row.uid === uid);
  }
  async findByUserCode() {}
  async consume(id) {
    this.rows.get(id).consumed = Math.floor(Date.now() / 1000);
  }
  async destroy(id) {
    this.rows.delete(id);
  }
  async revokeByGrantId(grantId) {
    for (const [id, row] of this.rows) if (row.grantId === grantId) this.rows.delete(id);
  }
}
const registered = new Adapter("Client");
for (const client of clients) registered.rows.set(client.client_id, client);

const jwk = (kind, options, alg) => {
  const { privateKey } = generateKeyPairSync(kind, options);
  return { ...privateKey.export({ format: "jwk" }), kid: `${alg}-${randomBytes(4).toString("hex")}`, alg, use: "sig" };
};
const keys = [
  jwk("rsa", { modulusLength: 2048 }, "RS256"),
  jwk("ec", { namedCurve: "P-256" }, "ES256"),
  jwk("ed25519", {}, "EdDSA"),
];
const accounts = new Map();

const policy = interactionPolicy.base();
// Google and Microsoft let people choose an account.
policy.add(new interactionPolicy.Prompt({ name: "select_account", requestable: true }), 0);

const provider = new Provider(issuer, {
  adapter: Adapter,
  jwks: { keys },
  cookies: { keys: [randomBytes(16).toString("hex")] },
  enabledJWA: { idTokenSigningAlgValues: ["RS256", "ES256", "EdDSA"] },
  claims: { openid: ["sub"], email: ["email", "email_verified"], profile: ["name", "given_name", "family_name"] },
  // The providers that are played put these claims into the ID token itself.
  conformIdTokenClaims: false,
  pkce: { required: () => true },
  features: { devInteractions: { enabled: false }, revocation: { enabled: true } },
  interactions: { policy, url: (_, interaction) => `/interaction/${interaction.uid}` },
  findAccount: (_, id) => ({ accountId: id, claims: () => ({ ...accounts.get(id), sub: id }) }),
});

async function interact(request, response, query) {
  const { params } = await provider.interactionDetails(request, response);
  if (query.has("deny")) {
    return provider.interactionFinished(request, response, { error: "access_denied" }, { mergeWithLastSubmission: false });
  }
  const account = JSON.parse(query.get("account"));
  accounts.set(account.sub, account);
  const grant = new provider.Grant({ accountId: account.sub, clientId: params.client_id });
  grant.addOIDCScope(params.scope);
  const result = { select_account: {}, login: { accountId: account.sub }, consent: { grantId: await grant.save() } };
  return provider.interactionFinished(request, response, result, { mergeWithLastSubmission: false });
}

async function body(request) {
  const chunks = [];
  for await (const chunk of request) chunks.push(chunk);
  return JSON.parse(Buffer.concat(chunks).toString("utf8"));
}

const callback = provider.callback();
server.on("request", async (request, response) => {
  const { pathname, searchParams } = new URL(request.url, issuer);
  try {
    if (pathname.startsWith("/interaction/")) return await interact(request, response, searchParams);
    if (pathname === "/test/client") {
      const id = searchParams.get("id");
      registered.rows.set(id, { ...registered.rows.get(id), ...(await body(request)) });
      return response.writeHead(204).end();
    }
    return await callback(request, response);
  } catch (error) {
    return response.writeHead(500).end(String(error));
  }
});
process.stdout.write(`${JSON.stringify({ issuer })}\n`);
