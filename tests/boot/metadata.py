"""metadata.py Ec2|OpenStack USER-DATA LOG: what a cloud tells a server at 169.254.169.254, in one of two dialects."""

import http.server
import json
import sys

KIND, LOG = sys.argv[1], open(sys.argv[3], "a", buffering=1)
USER_DATA = open(sys.argv[2], "rb").read()
EC2 = {
    "ami-id": "ami-1",
    "hostname": "demo",
    "instance-id": "i-0123456789abcdef0",
    "instance-type": "t3.micro",
    "local-hostname": "demo",
    "local-ipv4": "169.254.169.10",
    "placement/availability-zone": "us-east-1a",
    "placement/region": "us-east-1",
}
IDENTITY = {"instanceId": EC2["instance-id"], "region": "us-east-1", "accountId": "123456789012"}
OPENSTACK = {
    "uuid": "616fb98f-46ca-475e-917e-2563e5a8cd19",
    "name": "demo",
    "hostname": "demo.novalocal",
    "availability_zone": "cn-north-4a",
    "meta": {},
}


def openstack(path):
    if path == "/openstack":
        return b"2018-08-27\nlatest"
    if path.endswith("/meta_data.json"):
        return json.dumps(OPENSTACK).encode()
    return USER_DATA if path.endswith("/user_data") else None


def ec2(path):
    if path == "":
        return b"2009-04-04\n2021-03-23\nlatest"
    if path.endswith("/instance-identity/document"):
        return json.dumps(IDENTITY).encode()
    if path.endswith("/instance-identity"):
        return b"document"
    _, _version, what, *rest = path.split("/") + [""]
    if what == "user-data":
        return USER_DATA
    key = "/".join(part for part in rest if part)
    if what != "meta-data" or key in EC2:
        return EC2.get(key, "").encode() if what == "meta-data" else None
    inside = [name[len(key) + 1 :] if key else name for name in EC2 if not key or name.startswith(key + "/")]
    names = sorted({name.split("/")[0] + ("/" if "/" in name else "") for name in inside})
    return "\n".join(names).encode() if names else None


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def answer(self, body, status=200):
        self.send_response(status)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *arguments):
        LOG.write(arguments[0] % arguments[1:] + "\n")

    def do_GET(self):
        path = self.path.rstrip("/")
        body = (openstack if KIND == "OpenStack" else ec2)(path)
        self.answer(body or b"", 200 if body is not None else 404)


http.server.ThreadingHTTPServer(("169.254.169.254", 80), Handler).serve_forever()
