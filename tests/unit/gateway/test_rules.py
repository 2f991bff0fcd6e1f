"""The rules that say how RPCs are called over HTTP."""

from google.protobuf.descriptor_pool import Default

from render_service.gateway.rules import load_rules
from render_service.server.listener import SERVICES


def test_every_rpc_has_exactly_one_rule() -> None:
    services = [Default().FindServiceByName(name) for name in SERVICES]
    methods = [method.full_name for service in services for method in service.methods]
    rules = load_rules()
    assert sorted(rule.method.full_name for rule in rules) == sorted(methods)
    assert len({(rule.verb, rule.template) for rule in rules}) == len(methods)


def test_rules_name_fields_that_there_are() -> None:
    for rule in load_rules():
        for variable in rule.variables:
            message = rule.method.input_type
            *holders, last = variable.split(".")
            for holder in holders:
                held = message.fields_by_name[holder].message_type
                assert held is not None, rule
                message = held
            assert last in message.fields_by_name, rule
        assert rule.body in ("", "*") or rule.body in rule.method.input_type.fields_by_name, rule
