"""A SAML identity provider on Python's pysaml2, which signs and encrypts by Debian's xmlsec1.

    python pysaml2_idp.py CONFIG

CONFIG is a JSON file: entity_id, key and certificate (PEM), service (the metadata of the service provider), sign
("assertion", "response" or "both"), encrypt, binding ("redirect" or "post"), user (subject, email, first_name, last_name,
groups).

Prints {"url"} when it serves: /metadata, and /sso by GET or POST. Requests must carry the service's signature.
"""

import json
import os
import sys
import tempfile
from http.server import BaseHTTPRequestHandler, HTTPServer
from urllib.parse import parse_qs, urlsplit

from saml2 import BINDING_HTTP_POST, BINDING_HTTP_REDIRECT
from saml2.config import IdPConfig
from saml2.metadata import entity_descriptor
from saml2.saml import NAMEID_FORMAT_PERSISTENT, NameID
from saml2.server import Server

with open(sys.argv[1], encoding="utf-8") as file:
    CONFIG = json.load(file)
FOLDER = tempfile.mkdtemp(prefix="zygo-pysaml2-")


def kept(name, text):
    path = os.path.join(FOLDER, name)
    with open(path, "w", encoding="utf-8") as out:
        out.write(text)
    return path


def server(base):
    bindings = {"redirect": [BINDING_HTTP_REDIRECT], "post": [BINDING_HTTP_POST]}[CONFIG["binding"]]
    config = IdPConfig()
    config.load({
        "entityid": CONFIG["entity_id"],
        "key_file": kept("key.pem", CONFIG["key"]),
        "cert_file": kept("cert.pem", CONFIG["certificate"]),
        "metadata": {"local": [kept("service.xml", CONFIG["service"])]},
        "service": {"idp": {
            "endpoints": {"single_sign_on_service": [(base + "/sso", binding) for binding in bindings]},
            "want_authn_requests_signed": True,
            "name_id_format": [NAMEID_FORMAT_PERSISTENT],
            "policy": {"default": {"lifetime": {"minutes": 5}, "attribute_restrictions": None,
                                   "name_form": "urn:oasis:names:tc:SAML:2.0:attrname-format:uri"}},
        }},
    })
    return Server(config=config)


class Handler(BaseHTTPRequestHandler):
    def do_GET(self):
        parts = urlsplit(self.path)
        if parts.path == "/metadata":
            return self.answer(200, "text/xml", str(entity_descriptor(IDP.config)))
        return self.sign_on({name: values[0] for name, values in parse_qs(parts.query).items()}, BINDING_HTTP_REDIRECT)

    def do_POST(self):
        body = self.rfile.read(int(self.headers["content-length"])).decode()
        return self.sign_on({name: values[0] for name, values in parse_qs(body).items()}, BINDING_HTTP_POST)

    def sign_on(self, form, binding):
        try:
            signed = {"relay_state": form.get("RelayState"), "sigalg": form.get("SigAlg"), "signature": form.get("Signature")}
            request = IDP.parse_authn_request(form["SAMLRequest"], binding, **(signed if binding == BINDING_HTTP_REDIRECT else {}))
            where = IDP.response_args(request.message)
            user = CONFIG["user"]
            response = IDP.create_authn_response(
                identity={"mail": [user["email"]], "givenName": [user["first_name"]], "sn": [user["last_name"]],
                          "eduPersonAffiliation": user["groups"]},
                userid=user["subject"],
                name_id=NameID(format=NAMEID_FORMAT_PERSISTENT, text=user["subject"]),
                authn={"class_ref": "urn:oasis:names:tc:SAML:2.0:ac:classes:PasswordProtectedTransport"},
                sign_assertion=CONFIG["sign"] != "response",
                sign_response=CONFIG["sign"] != "assertion",
                encrypt_assertion=CONFIG["encrypt"],
                sign_alg="http://www.w3.org/2001/04/xmldsig-more#rsa-sha256",
                digest_alg="http://www.w3.org/2001/04/xmlenc#sha256",
                **{name: where[name] for name in ("in_response_to", "destination", "sp_entity_id")},
            )
            sent = IDP.apply_binding(BINDING_HTTP_POST, str(response), where["destination"], form.get("RelayState", ""), response=True)
            self.answer(200, "text/html", sent["data"])
        except Exception as error:  # What it refuses, it says.
            self.answer(400, "text/plain", f"{type(error).__name__}: {error}")

    def answer(self, status, kind, text):
        body = text.encode()
        self.send_response(status)
        self.send_header("content-type", kind)
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        pass


LISTENER = HTTPServer(("127.0.0.1", 0), Handler)
BASE = f"http://127.0.0.1:{LISTENER.server_port}"
IDP = server(BASE)
print(json.dumps({"url": BASE}), flush=True)
LISTENER.serve_forever()
