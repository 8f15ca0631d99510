// The measured routes as one would write them with Hono, hono/jwt and pg. Where there was a choice, the faster way was
// taken: the key is imported once, the catalogue is serialized once, and no middleware runs that the work does not need.
import { Hono } from "hono";
import { admit } from "./admission.js";
import { bearer } from "./bearer.js";
import { transaction } from "./database.js";

const app = new Hono();
const JSON_TYPE = { "content-type": "application/json; charset=utf-8" };

app.get("/health", (c) => c.json({ status: "ok" }));

// The same with what Zygo has on every answer: a request id, the headers of security, caching and timing, and a line in the log.
const HEADERS = {
  ...JSON_TYPE,
  "strict-transport-security": "max-age=63072000; includeSubDomains; preload",
  "x-content-type-options": "nosniff",
  "content-security-policy": "default-src 'none'; frame-ancestors 'none'",
  "referrer-policy": "no-referrer",
  "cache-control": "no-store",
  "server-timing": 'total;dur=0.0, auth;dur=0.0, db;dur=0.0, rt;desc="0"',
};
app.get("/health/whole", (c) => {
  const given = c.req.header("x-request-id");
  const id = given && /^[\w.-]{8,128}$/.test(given) ? given : crypto.randomUUID();
  console.log(JSON.stringify({ level: "info", message: "request", request_id: id, method: c.req.method, route: "/health", status: 200, ms: 0, rt: 0 }));
  return c.body('{"status":"ok"}', 200, { ...HEADERS, "x-request-id": id });
});

app.get("/permissions", bearer, admit, (c) => c.body(c.env.CATALOGUE, 200, JSON_TYPE));

app.get("/users/me", bearer, admit, async (c) => {
  const { rows, trips } = await transaction(c, [
    { text: "SELECT * FROM user_profiles WHERE id = app_user_id()" },
    { text: "SELECT * FROM own_memberships() ORDER BY tenant_created_at, tenant_id" },
  ]);
  const [[user], memberships] = rows;
  if (!user) return c.json({ code: "UNAUTHENTICATED" }, 401);
  return c.json({ ...user, memberships }, 200, { "server-timing": `rt;desc="${trips}"` });
});

app.post("/tenants", bearer, admit, async (c) => {
  const { name, slug } = await c.req.json();
  if (typeof name !== "string" || !/^[a-z0-9](-?[a-z0-9])*$/.test(slug)) return c.json({ code: "VALIDATION_FAILED" }, 422);
  const id = crypto.randomUUID();
  const ids = Array.from({ length: 6 }, () => crypto.randomUUID());
  const { rows, trips } = await transaction(c, [
    {
      text: "SELECT create_tenant($1, $2, $3, 'free', $4, $5, $6, $7, now()) AS created",
      values: [id, slug, name, ids, crypto.randomUUID(), crypto.randomUUID(), crypto.randomUUID()],
    },
    { text: "SELECT * FROM own_memberships() WHERE tenant_id = $1", values: [id] },
  ]);
  const [[{ created }], [tenant]] = rows;
  return created ? c.json(tenant, 201, { "server-timing": `rt;desc="${trips}"` }) : c.json({ code: "SLUG_TAKEN" }, 409);
});

export default app;
