"""One field of an sObject, and what describe says of it (apis/salesforce.md 2.5)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

TEXTUAL = frozenset(
    {"string", "textarea", "email", "phone", "url", "picklist", "multipicklist", "combobox", "id", "reference"}
)
NUMERIC = frozenset({"int", "double", "currency", "percent"})
LONG_TEXT_MIN = 256
SOAP_TYPES = {
    "id": "tns:ID",
    "reference": "tns:ID",
    "boolean": "xsd:boolean",
    "int": "xsd:int",
    "double": "xsd:double",
    "currency": "xsd:double",
    "percent": "xsd:double",
    "date": "xsd:date",
    "datetime": "xsd:dateTime",
    "address": "urn:address",
}


@dataclass(frozen=True, slots=True)
class Field:
    """A column. ``length`` is in characters; ``compound`` names the compound field that a component belongs to."""

    name: str
    type: str
    length: int = 0
    precision: int = 0
    scale: int = 0
    createable: bool = True
    updateable: bool = True
    nillable: bool = True
    default: Any = None
    external_id: bool = False
    unique: bool = False
    case_sensitive: bool = False
    id_lookup: bool = False
    restricted: bool = False
    values: tuple[str, ...] = ()
    refers: tuple[str, ...] = ()
    relationship: str | None = None
    compound: str | None = None
    cascades: bool = False

    @property
    def custom(self) -> bool:
        """Whether an admin of the org added it."""
        return self.name.endswith("__c")

    @property
    def defaulted(self) -> bool:
        """Whether a create may leave it out although it cannot be empty."""
        return self.default is not None or self.type == "boolean" or self.name == "OwnerId"

    @property
    def required(self) -> bool:
        """Whether a create must bring it."""
        return self.createable and not self.nillable and not self.defaulted

    @property
    def long_text(self) -> bool:
        """Long text can be neither filtered nor sorted."""
        return self.type == "textarea" and self.length >= LONG_TEXT_MIN

    def describe(self) -> dict[str, Any]:
        """The complete key set that describe gives for one field."""
        return {**self._kind(), **self._rights(), **self._shape()}

    def _kind(self) -> dict[str, Any]:
        plain = self.type != "address" and not self.long_text
        return {
            "aggregatable": plain,
            "aiPredictionField": False,
            "autoNumber": False,
            "byteLength": self.length * 3,
            "calculated": False,
            "calculatedFormula": None,
            "cascadeDelete": self.cascades,
            "caseSensitive": self.case_sensitive,
            "compoundFieldName": self.compound,
            "controllerName": None,
            "custom": self.custom,
            "dependentPicklist": False,
            "deprecatedAndHidden": False,
            "displayLocationInDecimal": False,
            "encrypted": False,
            "extraTypeInfo": None,
            "filterable": plain,
            "filteredLookupInfo": None,
            "formulaTreatNullNumberAsZero": False,
            "groupable": plain and self.type not in ("double", "currency", "percent", "datetime"),
            "highScaleNumber": False,
            "htmlFormatted": False,
            "inlineHelpText": None,
            "label": self.name.removesuffix("__c").replace("_", " "),
            "mask": None,
            "maskType": None,
            "name": self.name,
        }

    def _rights(self) -> dict[str, Any]:
        return {
            "createable": self.createable,
            "updateable": self.updateable,
            "nillable": self.nillable,
            "permissionable": self.nillable and self.createable,
            "defaultValue": self._default(),
            "defaultValueFormula": None,
            "defaultedOnCreate": self.defaulted,
            "externalId": self.external_id,
            "idLookup": self.id_lookup,
            "unique": self.unique,
            "restrictedPicklist": self.restricted,
            "restrictedDelete": False,
            "writeRequiresMasterRead": False,
        }

    def _shape(self) -> dict[str, Any]:
        digits = self.precision if self.type == "int" else 0
        return {
            "digits": digits,
            "length": self.length if self.type in TEXTUAL else 0,
            "nameField": self.name == "Name",
            "namePointing": len(self.refers) > 1,
            "picklistValues": self.picklist(),
            "polymorphicForeignKey": len(self.refers) > 1,
            "precision": 0 if self.type == "int" else self.precision,
            "queryByDistance": False,
            "referenceTargetField": None,
            "referenceTo": list(self.refers),
            "relationshipName": self.relationship,
            "relationshipOrder": None,
            "scale": self.scale,
            "searchPrefilterable": False,
            "soapType": SOAP_TYPES.get(self.type, "xsd:string"),
            "sortable": self.type != "address" and not self.long_text,
            "type": self.type,
        }

    def _default(self) -> Any:
        return False if self.type == "boolean" and self.default is None else self.default

    def picklist(self) -> list[dict[str, Any]]:
        """``picklistValues``; a value written with a leading ``-`` in the catalogue is inactive but listed."""
        return [
            {
                "active": not v.startswith("-"),
                "defaultValue": v == self.default,
                "label": name,
                "validFor": None,
                "value": name,
            }
            for v in self.values
            for name in (v.removeprefix("-"),)
        ]

    def allowed(self) -> frozenset[str]:
        """Active picklist values."""
        return frozenset(v for v in self.values if not v.startswith("-"))
