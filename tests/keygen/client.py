"""A program that was written against Keygen, with its published SDK, unmodified: validate, activate, heartbeat, offline
files, deactivate. The SDK checks every answer's signature against the door's public key.

Settings come from the environment: API_URL, ACCOUNT, PUBLIC_KEY, LICENSE_KEY, FINGERPRINT.
"""

import os

import keygen

keygen.api_url = os.environ["API_URL"]
keygen.account = os.environ["ACCOUNT"]
keygen.product = os.environ["ACCOUNT"]
keygen.public_key = os.environ["PUBLIC_KEY"]
keygen.license_key = os.environ["LICENSE_KEY"]
fingerprint = os.environ["FINGERPRINT"]


def expect(error, call, *arguments):
    try:
        call(*arguments)
    except error as raised:
        return raised
    raise SystemExit(f"{call} should have raised {error}")


# Programs validate first, and activate when that says that this machine is not known.
unknown = expect(keygen.LicenseNotActivatedError, keygen.validate, fingerprint)
license = unknown.license
assert license.key == keygen.license_key
if license.key.startswith("key/"):
    assert b'"license"' in license.verify()
else:
    expect(keygen.LicenseNotSignedError, license.verify)
print("validated:", unknown.result.code)

machine = license.activate(fingerprint, keygen.Component(name="board", fingerprint="board-1"))
expect(keygen.MachineAlreadyActivatedError, license.activate, fingerprint)
assert license.validate(fingerprint, "board-1").valid
expect(keygen.ComponentNotActivatedError, license.validate, fingerprint, "board-2")
machine.ping()
assert machine.heartbeat_status == "ALIVE", machine
assert [it.id for it in license.machines()] == [machine.id]
assert license.machine(fingerprint).id == machine.id, "machines are found by their fingerprint, too"
print("activated:", machine.id)

entitlements = {it.code for it in license.entitlements()}
file = license.checkout(ttl=3600)
file.verify()
inside = file.decrypt(license.key)
assert inside.license.id == license.id and {it.code for it in inside.entitlements} == entitlements
expect(keygen.LicenseFileError, file.decrypt, "another key")
plain = license.checkout(encrypt=False)
plain.verify()
assert plain.decode().license.id == license.id
file = machine.checkout(ttl=3600)
file.verify()
inside = file.decrypt(license.key + fingerprint)
assert inside.machine.id == machine.id and inside.license.id == license.id
print("checked out:", ",".join(sorted(entitlements)))

machine.deactivate()
expect(keygen.NotFoundError, license.machine, machine.id)
expect(keygen.LicenseNotActivatedError, license.validate, fingerprint)
print("deactivated")

# What is not genuine is refused by the SDK itself, so that the lines above prove something.
keygen.public_key = "00" * 31 + "01"
expect(keygen.KeygenError, keygen.me)
keygen.public_key = os.environ["PUBLIC_KEY"]
keygen.license_key = "no such key"
expect(keygen.LicenseKeyError, keygen.me)
print("refused")
