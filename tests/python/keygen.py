"""Reads what Signet's Keygen door hands out, with PyPI's `cryptography` and nothing of Signet's.

    keygen.py file KIND PATH PUBLIC-KEY-HEX [SECRET]     a license or machine file; SECRET opens an encrypted one
    keygen.py key PATH PUBLIC-KEY-HEX                    a signed key
    keygen.py answer PATH PUBLIC-KEY-HEX                 an answer: JSON with method, target, host, headers, body (base64)

Prints the document as JSON, exit code 0; or "refused" with the error, exit code 1.
"""

import base64
import hashlib
import json
import re
import sys

from cryptography.exceptions import InvalidSignature, InvalidTag
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from cryptography.hazmat.primitives.ciphers.aead import AESGCM


def file(key, kind, text, secret):
    inner = re.fullmatch(rf"-----BEGIN {kind.upper()} FILE-----\n(.*?)-----END {kind.upper()} FILE-----\n", text, re.DOTALL)
    sealed = json.loads(base64.b64decode(inner[1]))
    key.verify(base64.b64decode(sealed["sig"]), f"{kind}/{sealed['enc']}".encode())
    if sealed["alg"] == "base64+ed25519":
        return json.loads(base64.b64decode(sealed["enc"]))
    text, nonce, tag = (base64.b64decode(part) for part in sealed["enc"].split("."))
    return json.loads(AESGCM(hashlib.sha256(secret.encode()).digest()).decrypt(nonce, text + tag, None))


def signed_key(key, text):
    signed, _, signature = text.strip().partition(".")
    key.verify(base64.urlsafe_b64decode(signature), signed.encode())
    return json.loads(base64.urlsafe_b64decode(signed.removeprefix("key/")))


def answer(key, told):
    headers = {name.lower(): value for name, value in told["headers"]}
    digest = "sha-256=" + base64.b64encode(hashlib.sha256(base64.b64decode(told["body"])).digest()).decode()
    parts = dict(re.findall(r'(\w+)="([^"]*)"', headers["keygen-signature"]))
    lines = [f"(request-target): {told['method'].lower()} {told['target']}", f"host: {told['host']}", f"date: {headers['date']}", f"digest: {digest}"]
    key.verify(base64.b64decode(parts["signature"]), "\n".join(lines).encode())
    return parts["keyid"]


def main() -> int:
    what, *rest = sys.argv[1:]
    try:
        if what == "file":
            kind, path, public, *secret = rest
        else:
            path, public = rest
        key = Ed25519PublicKey.from_public_bytes(bytes.fromhex(public))
        with open(path, encoding="utf-8") as opened:
            text = opened.read()
        if what == "file":
            print(json.dumps(file(key, kind, text, "".join(secret))))
        elif what == "key":
            print(json.dumps(signed_key(key, text)))
        else:
            print(json.dumps(answer(key, json.loads(text))))
    except (InvalidSignature, InvalidTag, ValueError, TypeError) as error:
        print(f"refused {type(error).__name__}: {error}")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
