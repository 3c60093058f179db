"""How a program that uses Keygen's published SDK, unmodified, sees a refusal: prints the class of the exception, and the code.

Settings come from the environment: API_URL, ACCOUNT, PUBLIC_KEY, LICENSE_KEY or TOKEN, FINGERPRINT, MACHINE, and CALL: what
the program does.
"""

import os

import keygen

keygen.api_url = os.environ["API_URL"]
keygen.account = os.environ["ACCOUNT"]
keygen.product = os.environ["ACCOUNT"]
keygen.public_key = os.environ["PUBLIC_KEY"]
keygen.environment = os.environ.get("ENVIRONMENT", "")
if "TOKEN" in os.environ:
    keygen.token = os.environ["TOKEN"]
else:
    keygen.license_key = os.environ["LICENSE_KEY"]
fingerprint = os.environ["FINGERPRINT"]


def license():
    try:
        return keygen.validate(fingerprint)
    except keygen.LicenseValidationError as raised:
        if raised.license is None:
            raise
        return raised.license


def twice_the_same():
    parts = [keygen.Component(name=name, fingerprint="board-1") for name in ("board", "disk")]
    return license().activate(fingerprint, *parts)


CALLS = {
    "me": keygen.me,
    "validate": lambda: keygen.validate(fingerprint),
    "activate": lambda: license().activate(fingerprint),
    "activate with a part twice": twice_the_same,
    "ping": lambda: keygen.Machine(id=os.environ["MACHINE"]).ping(),
    "look for a machine": lambda: license().machine("nobody"),
    "check out for a century": lambda: license().checkout(ttl=100 * 365 * 86_400),
    "upgrade": lambda: keygen.upgrade("1.0.0", public_key="11" * 32),
}

try:
    CALLS[os.environ["CALL"]]()
    print("no refusal")
except keygen.RateLimitError as raised:
    assert raised.retry_after > 0 and raised.limit > 0 and raised.remaining == 0 and raised.reset, vars(raised)
    print("RateLimitError", raised.code)
except keygen.KeygenError as raised:
    result = getattr(raised, "result", None)
    code = result.code if result else raised.response.document["errors"][0]["code"]
    print(type(raised).__name__, code)
