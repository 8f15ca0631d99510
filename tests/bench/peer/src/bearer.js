// Verifies the access token with hono/jwt, and checks the claims that Zygo checks.
import { decode, verify } from "hono/jwt";

let keys;

// `CryptoKey`s by key id. Given a JWK instead, hono/jwt would import it anew for every request.
function ring(env) {
  const imported = (key) => crypto.subtle.importKey("jwk", key, { name: "Ed25519" }, false, ["verify"]);
  keys ??= Promise.all(JSON.parse(env.JWKS).keys.map(async (key) => [key.kid, await imported(key)])).then((pairs) => new Map(pairs));
  return keys;
}

export async function bearer(c, next) {
  const header = c.req.header("authorization");
  if (!header?.startsWith("Bearer ")) return c.json({ code: "UNAUTHENTICATED" }, 401);
  const token = header.slice(7);
  try {
    const found = keys instanceof Map ? keys : (keys = await ring(c.env));
    const key = found.get(decode(token).header.kid);
    const claims = key && (await verify(token, key, { alg: "EdDSA", iss: c.env.ISSUER, aud: c.env.AUDIENCE, typ: "at+jwt" }));
    if (!claims) return c.json({ code: "TOKEN_INVALID" }, 401);
    claims.permissions = BigInt(`0x${claims.perms}`);
    c.set("claims", claims);
  } catch {
    return c.json({ code: "TOKEN_INVALID" }, 401);
  }
  if (!c.get("claims").tid) return c.json({ code: "PERMISSION_DENIED" }, 403);
  await next();
}
