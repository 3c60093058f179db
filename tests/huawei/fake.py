"""Plays Huawei Cloud: keeps servers and jobs, checks signatures with the official SDK's signer and requests against the
published definitions. Faults are switched on by tests: POST /_admin/fault {"name": count}. POST /_admin/state tells what
was received, user-data in clear; POST /_admin/reset forgets everything. POST /_admin/trust {"urn": …, "external_id": …} or
{"account": …, "name": …} makes an agency that the vendor's account may take on; POST /_admin/rights [action, …] is what the customer's
user may do; POST /_admin/expire ends all sessions.

A call that nothing defines is answered with status 500, told on standard error, and ends the fake with status 1, which
fails the test that started it."""

import base64
import json
import re
import sys
import threading
import uuid
from datetime import datetime, timedelta, timezone
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qsl, urlsplit

from huaweicloudsdkcore.sdk_request import SdkRequest
from huaweicloudsdkcore.signer.signer import Signer

import definitions

AK, SK, TOKEN = "FAKEACCESSKEY0000001", "FakeSecretKeyOnlyForTests00000000000001", "FakeToken/with+special=chars==" * 4
# The merchant's account, which takes on agencies and can do nothing else.
VENDOR_AK, VENDOR_SK, VENDOR = "FAKEVENDORKEY0000001", "FakeVendorSecretOnlyForTests0000000001", "vendor-1"
ASSUMING = ("/v3.0/OS-CREDENTIAL/securitytokens", "/v5/agencies/assume")
PROJECT, REGION = "0123456789abcdef0123456789abcdef", "cn-north-4"
ZONE, NETWORK, SUBNET, GROUP, IMAGE = REGION + "a", "vpc-1", "subnet-1", "group-1", "image-1"
# What a job's error means here, by the fault's name.
FAILURES = {"fail": "Ecs.0201", "rollback_failed": "Ecs.0401", "job_sold_out": "Ecs.0319"}
REFUSALS = {"sold_out": (400, "Ecs.0018"), "quota": (403, "Ecs.0001"), "payment": (400, "Ecs.0003")}


# The rights that calls need, as the documents' tables of actions name them, by the end of the path.
RIGHTS = [
    ("GET", r"/os-availability-zone", ["ecs:availabilityZones:list"]),
    ("GET", r"/cloudservers/flavors", ["ecs:cloudServerFlavors:get"]),
    ("GET", r"/cloudservers/limits", ["ecs:cloudServerQuotas:get"]),
    ("GET", r"/os-keypairs", ["ecs:serverKeypairs:list"]),
    ("GET", r"/cloudservers/detail", ["ecs:cloudServers:list"]),
    ("GET", r"/cloudservers/[0-9a-f-]{36}", ["ecs:cloudServers:showServer"]),
    ("GET", r"/jobs/[^/]+", ["ecs:cloudServers:get"]),
    ("POST", r"/servers/[^/]+/action", ["ecs:servers:getConsoleOutput"]),
    ("POST", r"/cloudservers", ["ecs:cloudServers:createServers", "vpc:ports:create"]),
    ("POST", r"/cloudservers/delete", ["ecs:cloudServers:deleteServers"]),
    ("GET", r"/cloudimages", ["ims:images:list"]),
    ("GET", r"/vpc/vpcs", ["vpc:vpcs:list"]),
    ("GET", r"/subnets", ["vpc:subnets:get"]),
    ("GET", r"/vpc/security-groups", ["vpc:securityGroups:get"]),
    ("GET", r"/vpc/security-group-rules", ["vpc:securityGroupRules:get"]),
    ("GET", r"/quotas", ["vpc:quotas:list"]),
    ("GET", r"/eip/publicips", ["vpc:publicIps:list"]),
    ("DELETE", r"/publicips/[^/]+", ["vpc:publicIps:delete"]),
    ("DELETE", r"/cloudvolumes/[^/]+", ["evs:volumes:delete"]),
]


class Keys:
    def __init__(self, ak, sk):
        self.ak, self.sk = ak, sk


class State:
    def __init__(self):
        self.lock = threading.Lock()
        self.reset()

    def reset(self):
        self.faults, self.servers, self.jobs, self.tokens, self.orders, self.addresses = {}, {}, {}, {}, [], {}
        self.deletions = []
        self.calls = []
        # What the customer's own user may do; None: everything.
        self.rights = None
        # External ids by URN, names by account; sessions by token; what was asked with each.
        self.trusts, self.named, self.sessions, self.assumed = {}, {}, {}, []

    def fault(self, name):
        left = self.faults.get(name, 0)
        if left:
            self.faults[name] = left - 1
        return bool(left)


STATE = State()
RULES = []
# Calls that nothing defines; not forgotten by a reset.
UNDEFINED = []


class Refused(Exception):
    def __init__(self, status, body):
        self.status, self.body = status, body


def ecs(status, code, message="refused"):
    return Refused(status, {"error": {"code": code, "message": message}})


def gateway(status, code, message):
    return Refused(status, {"error_code": code, "error_msg": message, "request_id": "in-body"})


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, *_):
        pass

    def answer(self, status, body):
        payload = b"" if body is None else json.dumps(body).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("X-Request-Id", "request-1")
        self.send_header("Content-Length", str(len(payload)))
        self.end_headers()
        self.wfile.write(payload)

    def handle_any(self):
        raw = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        url = urlsplit(self.path)
        query = parse_qsl(url.query, keep_blank_values=True)
        with STATE.lock:
            try:
                if url.path.startswith("/_admin/"):
                    return self.answer(200, admin(url.path, json.loads(raw or b"null")))
                STATE.calls.append(f"{self.command} {url.path}")
                self.check_signature(url.path, query, raw)
                for name, status, code in [("throttled", 429, "APIGW.0308"), ("unavailable", 503, "APIGW.0201")]:
                    if STATE.fault(name):
                        raise gateway(status, code, name)
                body = json.loads(raw) if raw else None
                self.check_rights(url.path, body)
                check_definition(self.command, url.path, query, body)
                status, body = self.route(url.path, dict(query), body)
            except Refused as refused:
                return self.answer(refused.status, refused.body)
            if self.command == "POST" and url.path.endswith("/cloudservers") and STATE.fault("lost"):
                self.close_connection = True
                return self.connection.close()
        return self.answer(status, body)

    do_GET = do_POST = do_DELETE = handle_any

    def check_signature(self, path, query, raw):
        given = self.headers.get("Authorization", "")
        names = given.partition("SignedHeaders=")[2].partition(",")[0].split(";")
        headers = {name: self.headers.get(name, "") for name in names if name}
        token = self.headers.get("X-Security-Token")
        if "x-sdk-date" not in headers or "host" not in headers or (token and "x-security-token" not in headers):
            raise gateway(401, "APIGW.0301", "Incorrect IAM authentication information: header not signed")
        signed = SdkRequest(method=self.command, resource_path=path, query_params=list(query), header_params=headers,
                            body=raw)
        keys, self.account = self.caller(given, token)
        signer = Signer(keys)
        shown = signer._process_canonical_request(signed, sorted(headers)).replace("\n", "|")
        signed = SdkRequest(method=self.command, resource_path=path, query_params=list(query),
                            header_params={name: self.headers[name] for name in headers}, body=raw)
        if signer.sign(signed).header_params["Authorization"] != given or (token and token != TOKEN and token not in STATE.sessions):
            # As the gateway does: with all it got.
            text = f"Incorrect IAM authentication information: verify aksk signature fail, canonicalRequest:{shown}|{raw.decode()}|{given}"
            raise gateway(401, "APIGW.0301", text)
        at = datetime.strptime(headers["x-sdk-date"], "%Y%m%dT%H%M%SZ").replace(tzinfo=timezone.utc)
        if abs(datetime.now(timezone.utc) - at) > timedelta(minutes=15):
            raise gateway(401, "APIGW.0301", "Incorrect IAM authentication information: signature expired")
        if token in STATE.sessions and STATE.sessions[token]["ended"]:
            raise gateway(401, "APIGW.0301", "Incorrect IAM authentication information: the security token has expired")
        if (self.account == VENDOR) != (path in ASSUMING):
            raise gateway(403, "APIGW.0302", "the account has no right to this call")

    def check_rights(self, path, body):
        """A session has the rights of the policy it was asked for with, a user those that a test gave it."""
        one = STATE.sessions.get(self.headers.get("X-Security-Token"))
        rights = STATE.rights if one is None else one["rights"]
        missing = next((action for action in needed(self.command, path, body) if rights is not None and action not in rights), None)
        if missing and self.account != VENDOR:
            raise Refused(403, {"forbidden": {"message": f"Policy doesn't allow {missing} to be performed.", "code": 403}})

    def caller(self, given, token):
        """The keys that should have signed, and the account behind them."""
        if f"Access={VENDOR_AK}," in given:
            return Keys(VENDOR_AK, VENDOR_SK), VENDOR
        if token in STATE.sessions:
            one = STATE.sessions[token]
            return Keys(one["ak"], one["sk"]), one["account"]
        return Keys(AK, SK), "account-1"

    def route(self, path, query, body):
        parts = path.strip("/").split("/")
        if path == "/v3/auth/projects":
            return 200, {"projects": projects(), "links": {"self": "https://iam.example.com/v3/auth/projects"}}
        if path == "/v5/caller-identity":
            return 200, {"account_id": self.account, "principal_id": "user-1", "principal_urn": f"iam::{self.account}:user:tester"}
        if path == "/v3.0/OS-CREDENTIAL/securitytokens":
            return 201, assume_named(body["auth"]["identity"])
        if path == "/v5/agencies/assume":
            return 200, assume_trust(body)
        if path == "/v2/cloudimages":
            return 200, {"images": [image(query)]}
        if path == "/v2/bills/ratings/on-demand-resources":
            return 200, {"amount": 0.125 * len(body["product_infos"]), "currency": "CNY", "measure_id": 1}
        if len(parts) < 3 or parts[1] != PROJECT:
            raise gateway(404, "APIGW.0101", "The API does not exist")
        return project_route(self.command, parts[2:], query, body, self.headers)


def assume_named(identity):
    role = identity["assume_role"]
    STATE.assumed.append({"name": role["agency_name"], "policy": identity["policy"]})
    check_policy(identity["policy"], "1.1")
    if role["agency_name"] not in STATE.named.get(role["domain_id"], []):
        raise Refused(404, {"error": {"code": 404, "message": f"Could not find agency {role['agency_name']}.", "title": "Not Found"}})
    one = session(role["domain_id"], role["duration_seconds"], identity["policy"])
    return {"credential": {"access": one["ak"], "secret": one["sk"], "securitytoken": one["token"], "expires_at": one["end"]}}


def assume_trust(body):
    policy = json.loads(body["policy"])
    STATE.assumed.append({"external_id": body.get("external_id"), "policy": policy})
    check_policy(policy, "5.0")
    urn = body["agency_urn"]
    if urn not in STATE.trusts or STATE.trusts[urn] != body.get("external_id"):
        raise Refused(403, {"error_code": "PAP5.0014", "error_msg": f"not trusted with {body.get('external_id')}",
                            "encoded_authorization_message": "x"})
    one = session(urn.split(":")[2], body["duration_seconds"], policy)
    return {"credentials": {"access_key_id": one["ak"], "secret_access_key": one["sk"], "security_token": one["token"],
                            "expiration": one["end"]}}


def check_policy(policy, version):
    actions = policy["Statement"][0]["Action"]
    if policy["Version"] != version or not actions or any("*" in action for action in actions):
        raise Refused(400, {"error_code": "STS5.0001", "error_msg": "policy"})


def session(account, seconds, policy):
    if not 900 <= seconds <= 43200:
        raise Refused(400, {"error_code": "STS5.0002", "error_msg": "duration"})
    end = datetime.now(timezone.utc) + timedelta(seconds=seconds)
    number = len(STATE.sessions) + 1
    one = {"ak": f"FAKETEMPORARY{number:07}", "sk": f"FakeTemporarySecret{number:020}", "token": f"{TOKEN}{number}",
           "account": account, "end": end.strftime("%Y-%m-%dT%H:%M:%S.%fZ"), "ended": False,
           "rights": policy["Statement"][0]["Action"]}
    STATE.sessions[one["token"]] = one
    return one


def check_definition(method, path, query, body):
    known = [one for one in RULES if one.method == method and one.path.match(path)]
    if not known:
        UNDEFINED.append(f"{method} {path}")
        raise gateway(500, "APIGW.0000", f"no definition has {method} {path}")
    complaints = [one.complaint(query, body) for one in known]
    if all(complaints):
        raise ecs(400, "Ecs.0005", f"against the definition: {complaints[0]}")


def needed(method, path, body):
    """The rights that a call needs: those of its path, and those of what it asks for besides."""
    ends = path.removeprefix("/v2") if path.startswith("/v2/cloudimages") else path.partition(PROJECT)[2]
    actions = next((actions for verb, end, actions in RIGHTS if verb == method and re.fullmatch(end, ends)), [])
    if PROJECT in path and not actions:
        UNDEFINED.append(f"{method} {path} (no rights are known)")
    if "publicip" in (body or {}).get("server", {}):
        actions = actions + ["vpc:publicIps:create"]
    if (body or {}).get("delete_publicip"):
        actions = actions + ["vpc:publicIps:delete"]
    if (body or {}).get("delete_volume"):
        actions = actions + ["evs:volumes:delete"]
    return actions


def projects():
    """Those of other regions stand among them."""
    one = {"id": PROJECT, "name": REGION, "domain_id": "account-1"}
    others = [dict(one, id="e" * 32, name="cn-south-1"), dict(one, id="d" * 32, name=REGION + "_sub")]
    if STATE.fault("no_project"):
        return others
    return others + ([one, dict(one, id="f" * 32)] if STATE.fault("two_projects") else [one])


def image(query):
    return {"id": IMAGE, "name": f"Debian for {query['flavor_id']}", "min_disk": 10, "min_ram": 0,
            "__os_version": "Debian GNU/Linux 12.4.0 64bit", "__productcode": ""}


def flavors():
    specs = {"cond:operation:status": "normal", "cond:operation:az": f"{ZONE}(normal)"}
    sold = {"cond:operation:status": "normal", "cond:operation:az": f"{ZONE}(sellout)", "ecs:instance_architecture": "arm64"}
    return [{"id": "s6.small.1", "name": "s6.small.1", "vcpus": "1", "ram": 1024, "disk": "0", "os_extra_specs": specs},
            {"id": "s6.large.2", "name": "s6.large.2", "vcpus": "2", "ram": 4096, "disk": "0", "os_extra_specs": specs},
            {"id": "kc1.large.2", "name": "kc1.large.2", "vcpus": "2", "ram": 4096, "disk": "0", "os_extra_specs": sold}]


def project_route(method, parts, query, body, headers):
    known = {
        "os-availability-zone": {"availabilityZoneInfo": [
            {"zoneName": ZONE, "zoneState": {"available": True}, "hosts": None},
            {"zoneName": REGION + "b", "zoneState": {"available": False}, "hosts": None}]},
        "os-keypairs": {"keypairs": [{"keypair": {"name": "pair-1", "fingerprint": "aa:bb", "public_key": "ssh-rsa AA"}}]},
        "vpc/vpcs": {"vpcs": [{"id": NETWORK, "name": "default", "cidr": "192.168.0.0/16"}]},
        "subnets": {"subnets": [{"id": SUBNET, "neutron_subnet_id": "wrong-1", "name": "", "cidr": "192.168.0.0/24",
                                 "vpc_id": NETWORK, "dhcp_enable": not STATE.fault("no_dhcp"), "available_ip_address_count": 250}]},
        "vpc/security-groups": {"security_groups": [{"id": GROUP, "name": "web"}], "page_info": {"current_count": 1}},
        "vpc/security-group-rules": {"security_group_rules": [
            {"id": "r-1", "security_group_id": GROUP, "direction": "ingress", "protocol": "tcp", "multiport": "22,443",
             "remote_ip_prefix": "0.0.0.0/0", "action": "allow"}] + ([] if STATE.fault("sealed") else [
                {"id": "r-2", "security_group_id": GROUP, "direction": "egress", "remote_ip_prefix": "0.0.0.0/0", "action": "allow"}]),
            "page_info": {"current_count": 1}},
        "cloudservers/limits": {"absolute": {"maxTotalInstances": 5, "totalInstancesUsed": len(STATE.servers),
                                             "maxTotalCores": -1, "totalCoresUsed": 1, "maxTotalRAMSize": 8192, "totalRAMUsed": 1024}},
        "quotas": {"quotas": {"resources": [{"type": "publicIp", "used": len(STATE.addresses), "quota": 0 if STATE.fault("no_addresses") else 10, "min": 0}]}},
        "cloudservers/flavors": {"flavors": flavors()},
        "eip/publicips": {"publicips": [{"id": id, "public_ip_address": ip, "vnic": vnic(id)} for id, ip in STATE.addresses.items()
                                        if ip == query.get("public_ip_address", ip)]},
    }
    path = "/".join(parts)
    if method == "GET" and path in known:
        return 200, known[path]
    if method == "DELETE" and parts[0] == "cloudvolumes":
        return 200, {"job_id": uuid.uuid4().hex}
    if method == "DELETE" and parts[0] == "publicips" and STATE.addresses.pop(parts[1], None):
        return 204, None
    if method == "POST" and path == "cloudservers":
        return create(body, headers.get("X-Client-Token"))
    if method == "POST" and path == "cloudservers/delete":
        return delete(body)
    if method == "GET" and path == "cloudservers/detail":
        orders_go_on()
        fits = [one for one in STATE.servers.values() if any(query.get("tags", "") in tag for tag in one["tags"])]
        return 200, {"servers": fits, "count": len(fits)}
    if method == "GET" and parts[0] == "cloudservers" and parts[1] in STATE.servers:
        orders_go_on()
        return (200, {"server": STATE.servers[parts[1]]}) if parts[1] in STATE.servers else (404, {"itemNotFound": {"code": 404}})
    if method == "GET" and parts[0] == "jobs" and parts[1] in STATE.jobs:
        return 200, job(parts[1])
    if parts[0] == "servers" and parts[-1] == "action" and parts[1] in STATE.servers:
        return 200, {"output": "booted\n"}
    raise Refused(404, {"itemNotFound": {"code": 404, "message": "Instance could not be found."}})


def vnic(address):
    """What a public address serves: its own machine, or since that is gone another one."""
    own = address.removeprefix("eip-") in STATE.servers
    return {"port_id": "port-1", "vpc_id": NETWORK} if own or STATE.fault("address_taken") else None


def orders_go_on():
    """They do so whether or not somebody asks for their jobs."""
    for id, one in list(STATE.jobs.items()):
        if one["kind"] == "createServer":
            job(id)


def create(body, token):
    server = body["server"]
    for name, (status, code) in REFUSALS.items():
        if STATE.fault(name):
            raise ecs(status, code, name)
    if server["nics"][0]["subnet_id"] != SUBNET or server["vpcid"] != NETWORK:
        raise ecs(400, "Ecs.0038", "subnet")
    if server["imageRef"] != IMAGE:
        raise ecs(400, "Ecs.0031", f"image of {server.get('user_data')}")
    if server["flavorRef"] not in [one["id"] for one in flavors()]:
        raise ecs(400, "Ecs.0019", "flavor")
    if len(base64.b64decode(server.get("user_data", ""), validate=True)) > 32768 or "adminPass" in server:
        raise ecs(400, "Ecs.0005", "user_data")
    if body.get("dry_run"):
        return 202, {}
    if token is not None:
        try:
            sound = str(uuid.UUID(token)) == token
        except ValueError:
            sound = False
        if not sound:
            raise ecs(400, "Ecs.0123", "X-Client-Token")
        if STATE.fault("token_too_old"):
            raise ecs(400, "Ecs.0124", "X-Client-Token")
        if token in STATE.tokens:
            before, answer = STATE.tokens[token]
            if before != body:
                raise ecs(400, "Ecs.0122", "X-Client-Token")
            return 200, answer
    answer = make(server)
    STATE.tokens[token] = (body, answer)
    return 200, answer


def make(server):
    id, job_id = str(uuid.uuid4()), uuid.uuid4().hex
    STATE.orders.append(dict(server, user_data=base64.b64decode(server.get("user_data", "")).decode()))
    addresses = [{"addr": "192.168.0.10", "OS-EXT-IPS:type": "fixed", "version": "4"}]
    if "publicip" in server:
        addresses.append({"addr": "198.51.100.7", "OS-EXT-IPS:type": "floating", "version": "4"})
        STATE.addresses["eip-" + id] = "198.51.100.7"
    made = {"id": id, "name": server["name"], "status": "BUILD", "addresses": {NETWORK: addresses},
            "os-extended-volumes:volumes_attached": [{"id": "disk-" + id, "device": "/dev/vda"}],
            "tags": [f"{tag['key']}={tag['value']}" for tag in server.get("server_tags", [])]}
    failure = next((code for name, code in FAILURES.items() if STATE.fault(name)), None)
    STATE.jobs[job_id] = {"kind": "createServer", "made": made, "asked": 0, "failure": failure,
                          "unpaid": STATE.fault("unpaid")}
    return {"job_id": job_id} if STATE.fault("no_ids") else {"job_id": job_id, "serverIds": [id]}


def job(id):
    """INIT, RUNNING without and with the server's id, then the end."""
    one = STATE.jobs[id]
    one["asked"] += 1
    made, asked = one["made"], one["asked"]
    step = {"job_id": id + "1", "job_type": "createSingleServer", "status": "RUNNING", "begin_time": "2026-01-01T00:00:00.000Z",
            "end_time": "", "entities": {}}
    whole = {"job_id": id, "job_type": one["kind"], "status": "RUNNING", "begin_time": "2026-01-01T00:00:00.000Z", "end_time": "",
             "entities": {"sub_jobs_total": 1, "sub_jobs": [step]}}
    if one["unpaid"]:
        return dict(whole, status="PENDING_PAYMENT")
    if asked == 1:
        return dict(whole, status="INIT", entities={"sub_jobs_total": 1, "sub_jobs": []})
    if one["kind"] == "createServer" and asked >= 3:
        step["entities"] = {"server_id": made["id"]}
        if asked == 3 or one["failure"] == "Ecs.0401":
            STATE.servers.setdefault(made["id"], made)
    if asked <= 3:
        return whole
    if one["failure"]:
        step.update(status="FAIL", error_code=one["failure"], fail_reason="it did not work")
        if one["failure"] == "Ecs.0401":
            made["status"] = "ERROR"
        elif one["kind"] == "createServer":
            STATE.servers.pop(made["id"], None)
            STATE.addresses.pop("eip-" + made["id"], None)
        return dict(whole, status="FAIL", error_code=one["failure"], fail_reason="it did not work")
    step.update(status="SUCCESS", error_code=None, fail_reason=None)
    if one["kind"] == "createServer":
        made["status"] = "ACTIVE"
    else:
        STATE.servers.pop(made["id"], None)
    return dict(whole, status="SUCCESS", error_code=None, fail_reason=None)


def delete(body):
    ids = [one["id"] for one in body["servers"]]
    if any(id not in STATE.servers for id in ids):
        raise ecs(404, "Ecs.0114", "no such server")
    made = STATE.servers[ids[0]]
    STATE.deletions.append(body)
    id = uuid.uuid4().hex
    failure = "Ecs.0605" if STATE.fault("delete_failed") else None
    if body.get("delete_publicip") and not failure and not STATE.fault("address_unbound"):
        STATE.addresses.pop("eip-" + made["id"], None)
    STATE.jobs[id] = {"kind": "deleteServer", "made": made, "asked": 0, "failure": failure, "unpaid": False}
    return 200, {"job_id": id}


def admin(path, body):
    if path == "/_admin/reset":
        STATE.reset()
    elif path == "/_admin/fault":
        STATE.faults.update(body)
    elif path == "/_admin/trust" and "urn" in body:
        STATE.trusts[body["urn"]] = body["external_id"]
    elif path == "/_admin/trust":
        STATE.named.setdefault(body["account"], []).append(body["name"])
    elif path == "/_admin/rights":
        STATE.rights = body
    elif path == "/_admin/expire":
        for one in STATE.sessions.values():
            one["ended"] = True
    elif path == "/_admin/attach":
        STATE.servers[body["server"]]["os-extended-volumes:volumes_attached"].append({"id": body["disk"], "device": "/dev/vdb"})
    return {"orders": STATE.orders, "deletions": STATE.deletions, "servers": list(STATE.servers), "addresses": STATE.addresses, "calls": STATE.calls,
            "assumed": STATE.assumed, "secrets": [one[name] for one in STATE.sessions.values() for name in ("sk", "token")]}


if __name__ == "__main__":
    RULES.extend(definitions.load(json.loads(sys.argv[1])))
    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    print(server.server_address[1], flush=True)
    # Ends with the test that started it: its end of the pipe closes.
    threading.Thread(target=server.serve_forever, daemon=True).start()
    sys.stdin.read()
    for call in UNDEFINED:
        print(f"no definition has {call}", file=sys.stderr)
    sys.exit(1 if UNDEFINED else 0)
