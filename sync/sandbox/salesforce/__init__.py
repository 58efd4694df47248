"""Salesforce emulated: OAuth, SOQL, sObject rows, Collections, Composite, Bulk API 2.0 (apis/salesforce.md)."""

from sync.sandbox.salesforce.vendor import Salesforce

__all__ = ["Salesforce"]
