// A SAML identity provider on npm's samlp.
//
//   node samlp.mjs CONFIG     CONFIG: a JSON file, see pysaml2_idp.py
//
// Prints {"url"} when it serves: /metadata, and /sso by GET or POST. Requests must carry the service's signature.

import { createServer } from "node:http";
import { readFileSync } from "node:fs";
import samlp from "samlp";

const config = JSON.parse(readFileSync(process.argv[2], "utf8"));
// samlp reads certificates from the metadata of nobody: taken out here.
const pem = (base64) => `-----BEGIN CERTIFICATE-----\n${base64.replace(/\s/g, "").match(/.{1,64}/g).join("\n")}\n-----END CERTIFICATE-----\n`;
const serviceCertificate = pem(/X509Certificate>([^<]+)</.exec(config.service)[1]);
const acs = /AssertionConsumerService[^>]*Location="([^"]+)"/.exec(config.service)[1];
const { createPublicKey, X509Certificate } = await import("node:crypto");
const servicePublicKey = createPublicKey(new X509Certificate(serviceCertificate).publicKey.export({ type: "spki", format: "pem" })).export({ type: "spki", format: "pem" });

const attributes = { email: config.user.email, given_name: config.user.first_name, family_name: config.user.last_name, groups: config.user.groups };
function ProfileMapper(profile) {
  return {
    getClaims: () => attributes,
    getNameIdentifier: () => ({ nameIdentifier: profile.id, nameIdentifierFormat: "urn:oasis:names:tc:SAML:2.0:nameid-format:persistent" }),
  };
}

const options = {
  issuer: config.entity_id,
  key: config.key,
  cert: config.certificate,
  signingCert: serviceCertificate,
  getPostURL: (_audience, _request, _req, callback) => callback(null, acs),
  destination: acs,
  recipient: acs,
  profileMapper: ProfileMapper,
  getUserFromRequest: () => ({ id: config.user.subject }),
  signAssertion: config.sign !== "response",
  signResponse: config.sign !== "assertion",
  ...(config.encrypt ? {
    encryptionCert: serviceCertificate,
    encryptionPublicKey: servicePublicKey,
    encryptionAlgorithm: "http://www.w3.org/2009/xmlenc11#aes256-gcm",
  } : {}),
};

const server = createServer(async (req, res) => {
  res.set = (name, value) => res.setHeader(name, value);
  res.send = (body) => (typeof body === "number" ? res.writeHead(body).end() : res.end(body));
  const url = new URL(req.url, "http://peer");
  req.originalUrl = req.url;
  req.protocol = "http";
  req.query = Object.fromEntries(url.searchParams);
  let body = "";
  for await (const chunk of req) body += chunk;
  req.body = Object.fromEntries(new URLSearchParams(body));
  const next = (error) => res.writeHead(error ? 400 : 404).end(String(error ?? ""));
  try {
    if (url.pathname === "/sso") return samlp.auth(options)(req, res, next);
    if (url.pathname === "/metadata") {
      return samlp.metadata({ issuer: config.entity_id, cert: config.certificate, redirectEndpointPath: "/sso", postEndpointPath: "/sso" })(req, res, next);
    }
    next();
  } catch (error) {
    next(error);
  }
});
server.listen(0, "127.0.0.1", () => console.log(JSON.stringify({ url: `http://127.0.0.1:${server.address().port}` })));
