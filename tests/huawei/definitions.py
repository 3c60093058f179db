"""Huawei's published interface definitions: finds the operation of a request and says what is wrong with it."""

import inspect
import json
import re
from pathlib import Path

import jsonschema
from huaweicloudsdkbss.v2 import model as bss

OPERATIONS = {
    "ECS": ["CreateServers", "ShowJob", "ShowServer", "ListServersDetails", "DeleteServers", "ListFlavors",
            "ShowServerLimits", "NovaListAvailabilityZones", "NovaListKeypairs"],
    "EIP": ["ListPublicips", "DeletePublicip", "ListQuotas"],
    "EVS": ["DeleteVolume"],
    "IMS": ["ListImages"],
    "VPC": ["ListVpcs", "ListSubnets", "ListSecurityGroups", "ListSecurityGroupRules"],
    "IAM": ["KeystoneListAuthProjects", "CreateTemporaryAccessKeyByAgency"],
    "STS": ["AssumeAgency", "GetCallerIdentity"],
}
# The package with the definitions of prices holds an empty document for every operation. The official SDK is generated from
# the true ones: its models say which fields there are, of what type, and which must be there.
PRICES = ("POST", "/v2/bills/ratings/on-demand-resources", "RateOnDemandReq")
# What is in the documents and in no definition, with the body that is expected.
UNDEFINED = [
    ("POST", "/v2.1/{project_id}/servers/{server_id}/action", {
        "type": "object", "required": ["os-getConsoleOutput"], "additionalProperties": False, "properties": {
            "os-getConsoleOutput": {"type": "object", "additionalProperties": False,
                                    "properties": {"length": {"type": "string", "pattern": r"^\d+$"}}}}}),
]
TYPES = {"str": {"type": "string"}, "int": {"type": "integer"}, "decimal.Decimal": {"type": "number"},
         "bool": {"type": "boolean"}}


class Operation:
    """`query`: its parameters by name; `body`: the schema of its body, `None` where it has none."""

    def __init__(self, method, path, query, body):
        self.method = method.upper()
        self.path = re.compile(re.sub(r"\\?\{[^/]*?\\?\}", "[^/]+", path) + r"/?\Z")
        self.query, self.body = query, body

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
            return None if body is None else "a body is sent and none is defined"
        errors = jsonschema.Draft4Validator(self.body).iter_errors(body)
        return next((f"{error.json_path}: {error.message}" for error in errors), None)


def published(document, method, path, item):
    def resolve(one):
        while "$ref" in one:
            target = document
            for part in one["$ref"].lstrip("#/").split("/"):
                target = target[part]
            one = target
        return one

    known = [resolve(parameter) for parameter in item.get("parameters") or []]
    query = {one["name"]: dict(one, **one.get("schema", {})) for one in known if one.get("in") == "query"}
    body = next((one["schema"] for one in known if one.get("in") == "body"), None)
    if "requestBody" in item:
        body = item["requestBody"]["content"]["application/json"]["schema"]
    if body is not None:
        body = dict(body, definitions=strict(document.get("definitions") or {}))
        body["components"] = {"schemas": strict((document.get("components") or {}).get("schemas") or {})}
    return Operation(method, path, query, body)


def strict(definitions):
    """Fields that are not defined are mistakes, and objects are objects, though the definitions rarely say so."""
    closed = {}
    for name, one in definitions.items():
        one = dict(one)
        if one.get("properties"):
            one.update(type="object", additionalProperties=False)
        closed[name] = one
    return closed


def of_model(name):
    """The schema of a model of the official SDK. What may be left out is set only where it is given."""
    if name in TYPES:
        return TYPES[name]
    if name.startswith("list["):
        return {"type": "array", "items": of_model(name[5:-1])}
    model = getattr(bss, name)
    source = inspect.getsource(model.__init__)
    required = [key for field, key in model.attribute_map.items() if f"if {field} is not None" not in source]
    fields = {key: of_model(model.openapi_types[field]) for field, key in model.attribute_map.items()}
    return {"type": "object", "properties": fields, "required": required, "additionalProperties": False}


def load(folders):
    found = [Operation(method, path, {}, schema) for method, path, schema in UNDEFINED]
    found.append(Operation(PRICES[0], PRICES[1], {}, of_model(PRICES[2])))
    for service, names in OPERATIONS.items():
        for name in names:
            document = json.loads((Path(folders[service]) / "src" / f"{name}.json").read_text())
            for path, methods in document["paths"].items():
                for method, item in methods.items():
                    found.append(published(document, method, path, item))
    return found
