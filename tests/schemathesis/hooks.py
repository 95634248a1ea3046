"""What JSON Schema can't say of the API, told to schemathesis."""

import os

import schemathesis

# The user in whose name requests are made, where they may be made in anyone's.
ACTING_USER = os.environ["SANMON_ACTING_USER"]


@schemathesis.hook
def filter_case(context, case):
    """Once the acting user is erased, everything is unknown."""
    erases = case.method.upper() == "DELETE" and case.path == "/users/{user}"
    return not (erases and str(case.path_parameters.get("user")) == ACTING_USER)


@schemathesis.hook
def before_call(context, case, kwargs):
    """Names the user where the description says that one may be named."""
    schemes = case.operation.definition.raw.get("security", [])
    if any("on_behalf_of" in scheme for scheme in schemes):
        case.headers["X-On-Behalf-Of"] = ACTING_USER


@schemathesis.hook
def map_body(context, body):
    """For JSON Schema 5.0 is an integer. The protocol's ids and numbers are written without a point."""
    return written_plainly(body)


def written_plainly(value):
    if isinstance(value, float) and value.is_integer() and abs(value) < 2**63:
        return int(value)
    if isinstance(value, list):
        return [written_plainly(item) for item in value]
    if isinstance(value, dict):
        return {name: written_plainly(item) for name, item in value.items()}
    return value
