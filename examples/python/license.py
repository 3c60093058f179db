"""Runs by a lease: python3 license.py SERVER PRODUCT ROOT-KEY STATE-FILE, with the license in SIGNET_LICENSE. Exit code
0: run, 10: run and warn, 20: stop. In your software PRODUCT and ROOT-KEY are constants, never arguments."""
import hashlib, json, os, pathlib, secrets, sys, time, urllib.error, urllib.request
import jwt

server, product, root, file = sys.argv[1:]
file, code, own = pathlib.Path(file), os.environ["SIGNET_LICENSE"], os.environ.get("SIGNET_MACHINE_ID")
machine = f"operator:{own}" if own else "machine-id:" + pathlib.Path("/etc/machine-id").read_text().strip()
digest = {it: jwt.utils.base64url_encode(hashlib.sha256(it.encode()).digest()).decode() for it in (code, machine)}
components = {machine.split(":")[0]: digest[machine]}
still = type("NoRedirects", (urllib.request.HTTPRedirectHandler,), {"redirect_request": lambda *_: None})

def read(text, kind, keys):
    """The claims of a signed text of this kind, for this product, by a key that is believed; else an exception."""
    header = jwt.get_unverified_header(text)
    if header["typ"] != f"{kind}+jwt" or header["kid"] not in keys:
        raise jwt.InvalidTokenError("a text of another kind, or signed by no key that is believed")
    key = jwt.PyJWK({"kty": "OKP", "crv": "Ed25519", "alg": "EdDSA", "x": keys[header["kid"]]})
    return jwt.decode(text, key, ["EdDSA"], {"verify_exp": False, "verify_iat": False}, audience=f"{product}/{kind}")

def believed(text):
    """The keys that the pinned root lists and has not revoked, and the list's number."""
    claims = read(text, "keys", {jwt.get_unverified_header(text)["kid"]: root})
    return {key["kid"]: key["x"] for key in claims["keys"] if key["state"] != "revoked"}, claims["number"]

def ask(path, question, state):
    """The state with a new lease, or without one after a signed no. Anything else says nothing: an exception."""
    question |= {"components": components, "nonce": secrets.token_urlsafe(16)}
    headers = {"Authorization": f"License {code}", "Content-Type": "application/json"}
    request = urllib.request.Request(f"{server}/api/v1/activations{path}", json.dumps(question).encode(), headers)
    try:
        text, kind, reply = "lease", "lease", json.load(urllib.request.build_opener(still).open(request, timeout=5))
    except urllib.error.HTTPError as error:
        text, kind, reply = "signed", "validation", json.load(error)
        print(json.dumps(reply["detail"]), file=sys.stderr)
    keys, number = believed(reply.get("keys") or state["keys"])
    claims = read(reply[text], kind, keys)
    asked = claims.get("asked", claims | {"license": digest[code]})
    if number < state["list"] or [asked["license"], asked.get("nonce")] != [digest[code], question["nonce"]]:
        raise jwt.InvalidTokenError("an old key list, or the answer to another question")
    if kind == "validation":
        return state | ({"lease": None} if claims["conclusive"] or claims["reason"] == "lease_ended" else {})
    return {"lease": reply["lease"], "keys": reply["keys"], "list": number, "seen": max(claims["time"], state["seen"])}

def standing(state):
    """Exit code, and where to ask for the next lease when it is time, by a clock that never goes back."""
    lease, now = read(state["lease"], "lease", believed(state["keys"])[0]), max(time.time(), state["seen"] / 1e6)
    same = components.items() <= lease["machine"]["components"].items()
    stop = 0 if same and now < lease["exp"] else 10 if same and now < lease["grace_until"] else 20
    return stop, f"/{lease['activation']}/renew" if stop or now > min(lease["renew_after"], time.time() + 300) else None

state = json.loads(file.read_text()) if file.exists() else {"lease": None, "list": 0, "seen": 0}
try:
    path = standing(state)[1] if state["lease"] else ""
    if path is not None:
        file.write_text(json.dumps(state := ask(path, {} if path else {"product": product}, state)))
except (OSError, LookupError, ValueError, jwt.PyJWTError) as error:
    print(f"no new lease: {error}", file=sys.stderr)
sys.exit(standing(state)[0] if state["lease"] else 20)
