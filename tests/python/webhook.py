"""A merchant's system that is told what happens: verifies each message with PyPI's standardwebhooks and says what it found.

    webhook.py [--tls] SECRET...

Prints its address, then a line for each message: `good`, which of the secrets verify it, its id and its type; or `bad`.
"""

import datetime
import http.server
import json
import ssl
import sys
import tempfile

from standardwebhooks.webhooks import Webhook, WebhookVerificationError

SECRETS = [secret for secret in sys.argv[1:] if secret != "--tls"]


def verified(secret, body, headers):
    try:
        return Webhook(secret).verify(body, headers)
    except WebhookVerificationError:
        return None


class Hook(http.server.BaseHTTPRequestHandler):
    def do_POST(self):
        body = self.rfile.read(int(self.headers["content-length"]))
        headers = {name.lower(): value for name, value in self.headers.items()}
        found = [verified(secret, body, headers) for secret in SECRETS]
        which = ",".join(str(number) for number, message in enumerate(found) if message is not None)
        if which:
            assert all(verified(secret, body + b" ", headers) is None for secret in SECRETS)
            message = json.loads(body)
            assert message in found
            print("good", which, headers["webhook-id"], message["type"], flush=True)
        else:
            print("bad", flush=True)
        self.send_response(204 if which else 400)
        self.end_headers()

    def log_message(self, *_):
        pass


def own_certificate():
    """One that nobody has any reason to trust."""
    from cryptography import x509
    from cryptography.hazmat.primitives import hashes, serialization
    from cryptography.hazmat.primitives.asymmetric import ec

    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "localhost")])
    now = datetime.datetime.now(datetime.timezone.utc)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(now - datetime.timedelta(days=1))
        .not_valid_after(now + datetime.timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName("localhost")]), critical=False)
        .sign(key, hashes.SHA256())
    )
    file = tempfile.NamedTemporaryFile()
    file.write(certificate.public_bytes(serialization.Encoding.PEM))
    form = (serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    file.write(key.private_bytes(*form))
    file.flush()
    return file


server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Hook)
scheme = "http"
if "--tls" in sys.argv:
    with own_certificate() as file:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(file.name)
    server.socket = context.wrap_socket(server.socket, server_side=True)
    scheme = "https"
print(f"{scheme}://127.0.0.1:{server.server_port}/hook", flush=True)
server.serve_forever()
