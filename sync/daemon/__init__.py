"""The service behind `crm-sync run`: a timetable, lanes, webhooks, reload, calls for help. Serves nobody by itself: that is web."""

from sync.daemon.service import Daemon, Surface

__all__ = ["Daemon", "Surface"]
