"""What Salesforce says when it refuses: one exception, shown as a request error or as one row of a batch (4.2, 4.3)."""

from __future__ import annotations

from typing import Any

from sync.sandbox.wire import Response, json_response

LOCKED = "unable to obtain exclusive access to this record or 1 records"
COLUMN_HINT = (
    "If you are attempting to use a custom field, be sure to append the '__c' after the custom field name. "
    "Please reference your WSDL or the describe call for the appropriate names."
)
JSON_KINDS: dict[Any, str] = {
    True: "VALUE_TRUE",
    False: "VALUE_FALSE",
    str: "VALUE_STRING",
    int: "VALUE_NUMBER_INT",
    float: "VALUE_NUMBER_FLOAT",
    dict: "START_OBJECT",
    list: "START_ARRAY",
}
INJECTED = {
    "UNABLE_TO_LOCK_ROW": LOCKED,
    "FIELD_CUSTOM_VALIDATION_EXCEPTION": "a validation rule of this org refused the record",
    "INVALID_OR_NULL_FOR_RESTRICTED_PICKLIST": "bad value for restricted picklist field",
    "STRING_TOO_LONG": "data value too large",
    "REQUIRED_FIELD_MISSING": "Required fields are missing",
    "CANNOT_INSERT_UPDATE_ACTIVATE_ENTITY": "trigger failed: System.LimitException: Apex CPU time limit exceeded",
    "ENTITY_IS_DELETED": "entity is deleted",
    "INVALID_CROSS_REFERENCE_KEY": "invalid cross reference id",
}


class Refusal(Exception):
    """One refusal with Salesforce's code.

    ``fields`` None leaves the key out of request errors, as query errors and NOT_FOUND do. ``status`` is the HTTP
    status when it ends a whole request. ``extra`` are further keys of the error object.
    """

    def __init__(
        self,
        code: str,
        message: str,
        fields: list[str] | None = None,
        *,
        status: int = 400,
        extra: dict[str, Any] | None = None,
    ) -> None:
        super().__init__(f"{code}: {message}")
        self.code = code
        self.message = message
        self.fields = fields
        self.status = status
        self.extra = extra or {}

    def as_request_error(self) -> dict[str, Any]:
        """The element of a plain REST error list."""
        fields = {} if self.fields is None else {"fields": self.fields}
        return {"message": self.message, "errorCode": self.code, **fields, **self.extra}

    def as_row_error(self) -> dict[str, Any]:
        """The element of a row's ``errors`` in Collections, Tree and Graph."""
        return {"statusCode": self.code, "message": self.message, "fields": self.fields or []}

    def as_row(self) -> dict[str, Any]:
        """A failed row of a Collections answer: no id, no ``created``."""
        return {"success": False, "errors": [self.as_row_error()]}

    def as_bulk_error(self) -> str:
        """The ``sf__Error`` cell of a Bulk 2.0 result."""
        return f"{self.code}:{self.message}:{', '.join(self.fields or [])} --"

    def response(self) -> Response:
        """The answer to a request that is refused as a whole."""
        return json_response(self.status, [self.as_request_error()])


class Mismatch(Refusal):
    """A JSON value of the wrong kind: ends the whole request, even when it stands in one row of 200."""

    def __init__(self, wanted: str, value: Any) -> None:
        seen = JSON_KINDS.get(value if isinstance(value, bool) else type(value), "VALUE_NULL")
        text = f"Cannot deserialize instance of {wanted} from {seen} value {value} or request may be missing a required"
        super().__init__("JSON_PARSER_ERROR", f"{text} field at [line:1, column:1]")


def injected(code: str) -> Refusal:
    """The row error of an armed `rows` fault."""
    return Refusal(code, INJECTED.get(code, f"refused: {code}"), [])


def missing(what: str = "The requested resource does not exist") -> Refusal:
    """404 NOT_FOUND."""
    return Refusal("NOT_FOUND", what, status=404)


def no_such_column(column: str, kind: str) -> Refusal:
    """An unknown column in a write; in a query the text differs (see `soql`)."""
    return Refusal("INVALID_FIELD", f"No such column '{column}' on sobject of type {kind}", [column])
