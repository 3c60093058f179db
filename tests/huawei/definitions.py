"""Huawei's published interface definitions: finds the operation of a request and says what is wrong with it."""

import json
import re
from pathlib import Path

import jsonschema

OPERATIONS = {
    "ECS": ["CreateServers", "ShowJob", "ShowServer", "ListServersDetails", "DeleteServers", "ListFlavors",
            "ShowServerLimits", "NovaListAvailabilityZones", "NovaListKeypairs"],
    "IMS": ["ListImages"],
    "VPC": ["ListVpcs", "ListSubnets", "ListSecurityGroups", "ListSecurityGroupRules"],
    "IAM": ["KeystoneListProjects", "CreateTemporaryAccessKeyByAgency"],
}


class Operation:
    def __init__(self, document, method, path, item):
        self.document, self.method = document, method.upper()
        self.path = re.compile(re.sub(r"\\?\{[^/]*?\\?\}", "[^/]+", path) + r"/?\Z")
        known = [self.resolve(parameter) for parameter in item.get("parameters", [])]
        self.query = {one["name"]: one for one in known if one.get("in") == "query"}
        self.body = next((one for one in known if one.get("in") == "body"), None)

    def resolve(self, item):
        while "$ref" in item:
            target = self.document
            for part in item["$ref"].lstrip("#/").split("/"):
                target = target[part]
            item = target
        return item

    def complaint(self, query, body):
        for name, value in query:
            if name not in self.query:
                return f"the parameter {name} is not defined"
            if self.query[name].get("type") == "integer" and not re.fullmatch(r"\d+", value):
                return f"the parameter {name} is no integer"
        for name, parameter in self.query.items():
            if parameter.get("required") and name not in dict(query):
                return f"the parameter {name} is missing"
        if self.body is None:
            return None
        schema = dict(self.body["schema"], definitions=strict(self.document["definitions"]))
        errors = jsonschema.Draft4Validator(schema).iter_errors(body)
        return next((f"{error.json_path}: {error.message}" for error in errors), None)


def strict(definitions):
    """Fields that are not defined are mistakes, and objects are objects, though the definitions rarely say so."""
    closed = {}
    for name, one in definitions.items():
        one = dict(one)
        if one.get("properties"):
            one.update(type="object", additionalProperties=False)
        closed[name] = one
    return closed


def load(folders):
    found = []
    for service, names in OPERATIONS.items():
        for name in names:
            document = json.loads((Path(folders[service]) / "src" / f"{name}.json").read_text())
            for path, methods in document["paths"].items():
                for method, item in methods.items():
                    found.append(Operation(document, method, path, item))
    return found
