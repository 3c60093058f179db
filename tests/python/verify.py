"""Verifies a license code as a stranger would: with PyJWT and nothing but the published keys.

    verify.py JWKS-URL-OR-FILE AUDIENCE CODE

Prints "valid" with the names in the header, its alg and typ, exit code 0; or "refused" with the error, exit code 1.
"""

import json
import sys

import jwt


def key_for(source: str, code: str):
    if source.startswith("http"):
        return jwt.PyJWKClient(source).get_signing_key_from_jwt(code)
    with open(source, encoding="utf-8") as file:
        keys = jwt.PyJWKSet.from_dict(json.load(file))
    kid = jwt.get_unverified_header(code)["kid"]
    for key in keys.keys:
        if key.key_id == kid:
            return key
    raise jwt.PyJWKClientError(f"no key {kid} in {source}")


def main() -> int:
    source, audience, code = sys.argv[1:]
    try:
        key = key_for(source, code)
        jwt.decode(code, key, algorithms=["EdDSA"], audience=audience, options={"require": ["iss", "sub", "iat", "nbf"]})
    except jwt.PyJWTError as error:
        print(f"refused {type(error).__name__}: {error}")
        return 1
    header = jwt.get_unverified_header(code)
    print("valid", ",".join(sorted(header)), header["alg"], header["typ"])
    return 0


if __name__ == "__main__":
    sys.exit(main())
