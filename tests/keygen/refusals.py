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


def work_with_a_token():
    """A program of the merchant's own: it knows a license by its id, and leads a machine of it through its life."""
    license = keygen.License(id=os.environ["LICENSE"])
    try:
        license.validate(fingerprint)
        raise AssertionError("no machine is activated yet")
    except keygen.LicenseNotActivatedError as raised:
        assert raised.result.code == "NO_MACHINE", raised.result
    machine = license.activate(fingerprint)
    assert license.validate(fingerprint).valid
    machine.ping()
    assert [it.id for it in license.machines()] == [machine.id]
    inside = license.checkout().decrypt(license.key)
    assert inside.license.id == license.id
    inside = machine.checkout().decrypt(license.key + fingerprint)
    assert inside.machine.fingerprint == fingerprint
    machine.deactivate()
    assert license.machines() == []


CALLS = {
    "work with a token": work_with_a_token,
    "activate without a fingerprint": lambda: license().activate(" "),
    "check out with what is not there": lambda: license().checkout(include=("users",)),
    "check out in another way": lambda: license().checkout(algorithm="rsa-sha256"),
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
    document = raised.response.document if raised.response else None
    code = result.code if result else document["errors"][0]["code"] if document else raised.code
    print(type(raised).__name__, code)
