// The people and the organisation that the benchmark plays with, made through the API as far as it goes.
import http from "node:http";
import { createRequire } from "node:module";
import { join } from "node:path";

export const PASSWORD = "lantern-orchid-7-quarry";

const agent = new http.Agent({ keepAlive: true });

/** One request to a side; answers `{status, headers, text, ms}`. */
export function ask(address, { method = "GET", path, host = "localhost", headers = {}, body }) {
  const [hostname, port] = address.split(":");
  const text = body === undefined ? undefined : JSON.stringify(body);
  const sent = { host, ...headers, ...(text && { "content-type": "application/json", "content-length": Buffer.byteLength(text) }) };
  return new Promise((resolve, reject) => {
    const began = performance.now();
    const request = http.request({ hostname, port, method, path, agent, headers: sent }, (response) => {
      const chunks = [];
      response.on("data", (chunk) => chunks.push(chunk));
      response.on("end", () =>
        resolve({ status: response.statusCode, headers: response.headers, text: Buffer.concat(chunks).toString(), ms: performance.now() - began }),
      );
    });
    request.on("error", reject);
    request.end(text);
  });
}

/** The same, and anything but the expected status is an error. */
export async function must(address, status, request) {
  const answer = await ask(address, request);
  if (answer.status !== status) throw new Error(`${request.method ?? "GET"} ${request.path} answered ${answer.status}: ${answer.text}`);
  return answer;
}

export const signUp = (address, email, client = "192.0.2.1") =>
  must(address, 201, { method: "POST", path: "/auth/signup", headers: { "cf-connecting-ip": client }, body: { email, password: PASSWORD } });

/** The database as its superuser, past all policies. */
export class Database {
  constructor(peer, url) {
    const { Pool } = createRequire(join(peer, "package.json"))("pg");
    this.pool = new Pool({ connectionString: url, max: 2 });
  }

  async rows(text, values) {
    return (await this.pool.query(text, values)).rows;
  }

  end() {
    return this.pool.end();
  }

  /** Marks an address as verified, as the link in the mail would; answers the person's id. */
  async verify(email) {
    const [{ id }] = await this.rows("UPDATE users SET email_verified_at = now() WHERE email = $1 RETURNING id", [email]);
    return id;
  }

  /** More accounts with the password of one that signed up: `name-0@…` to `name-{count - 1}@…`. */
  async copyAccounts(email, name, count, verified) {
    await this.rows(
      `INSERT INTO users (id, email, email_verified_at, password_hash)
       SELECT gen_random_uuid(), $2 || '-' || n || '@example.com', CASE WHEN $4 THEN now() END, u.password_hash
       FROM users u, generate_series(0, $3::integer - 1) n WHERE u.email = $1`,
      [email, name, count, verified],
    );
  }
}
