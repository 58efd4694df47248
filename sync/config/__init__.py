"""The configuration file: reading it, its model, secrets. Reports every problem at once; contacts nobody."""

from sync.config.kinds import (
    KINDS,
    AbmaticConfig,
    ActivecampaignConfig,
    ConversionConfig,
    LetricsConfig,
    SalesforceConfig,
    SystemConfig,
)
from sync.config.load import Reading, find, load, read
from sync.config.model import Config, SafetyConfig, ScheduleConfig, ServerConfig, StateConfig
from sync.config.places import Listen
from sync.config.secrets import Secret
from sync.config.shown import settings_shown
from sync.config.values import Guard

__all__ = [
    "KINDS",
    "AbmaticConfig",
    "ActivecampaignConfig",
    "Config",
    "ConversionConfig",
    "Guard",
    "LetricsConfig",
    "Listen",
    "Reading",
    "SafetyConfig",
    "SalesforceConfig",
    "ScheduleConfig",
    "Secret",
    "ServerConfig",
    "StateConfig",
    "SystemConfig",
    "find",
    "load",
    "read",
    "settings_shown",
]
