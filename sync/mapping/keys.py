"""Match keys: the form in which two values are the same key, and values that may match nothing."""

from __future__ import annotations

from functools import lru_cache
from typing import Final
from unicodedata import normalize

from sync.mapping.text import host, is_public_suffix
from sync.model.values import Absence, Canonical

FREE_MAIL: Final = frozenset(
    """
    126.com 163.com 189.cn aim.com alice.it aol.co.uk aol.com aol.de arcor.de att.net bellsouth.net
    bigpond.com bluewin.ch bol.com.br btinternet.com charter.net comcast.net cox.net duck.com earthlink.net
    eircom.net email.com fastmail.com fastmail.fm foxmail.com free.fr freenet.de frontier.com gmail.com gmx.at
    gmx.ch gmx.com gmx.de gmx.net googlemail.com hey.com home.nl hotmail.co.uk hotmail.com hotmail.de
    hotmail.es hotmail.fr hotmail.it hushmail.com icloud.com inbox.com inbox.lv juno.com kpnmail.nl
    laposte.net libero.it live.co.uk live.com live.de live.fr live.nl mac.com mail.com mail.de mail.ru
    mailbox.org me.com msn.com naver.com netscape.net ntlworld.com o2.pl onet.pl online.de optonline.net
    optusnet.com.au orange.fr outlook.com outlook.de outlook.es outlook.fr pm.me posteo.de proton.me
    protonmail.ch protonmail.com qq.com rambler.ru rediffmail.com rocketmail.com rogers.com sapo.pt
    sbcglobal.net seznam.cz sfr.fr shaw.ca sina.com sky.com skynet.be sohu.com sympatico.ca t-online.de
    talktalk.net telenet.be telus.net terra.com.br tiscali.it tutanota.com uol.com.br verizon.net virgilio.it
    virginmedia.com vodafone.de wanadoo.fr web.de wp.pl xtra.co.nz yahoo.ca yahoo.co.in yahoo.co.jp
    yahoo.co.uk yahoo.com yahoo.com.au yahoo.com.br yahoo.de yahoo.es yahoo.fr yahoo.it yandex.com yandex.ru
    yeah.net ymail.com ziggo.nl zoho.com
    """.split()  # noqa: SIM905 - reads better than a hundred quotes
)
"""Domains whose addresses say nothing about a company."""

ROLES: Final = frozenset(
    """
    abuse accounting accounts admin administrator billing careers contact customerservice enquiries finance
    hello help helpdesk hostmaster hr info inquiries jobs kontakt legal mail marketing media no-reply noreply
    office orders postmaster press privacy recruiting sales security service staff support team webmaster
    """.split()  # noqa: SIM905 - reads better than a hundred quotes
)
"""Local parts that name a desk, not a person."""

_COMPANIES: Final = ("account", "accounts", "company", "companies")


@lru_cache(maxsize=65536)
def _domain_key(domain: str) -> str | None:
    name = host(domain)
    if not name or name in FREE_MAIL or name.replace(".", "").isdigit() or is_public_suffix(name):
        return None
    return name


def _email_key(address: str, *, company: bool) -> str | None:
    local, at, domain = address.strip().lower().rpartition("@")
    name = host(domain)
    if not (local and at and name):
        return None
    if company and (local in ROLES or name in FREE_MAIL):
        return None
    return f"{normalize('NFC', local)}@{name}"


def match_key(entity: str, kind: str, value: Canonical) -> str | None:
    """The comparable form of a value of type `kind`; None if it may match nothing."""
    if value is None or isinstance(value, Absence | list | dict | bool):
        return None
    raw = str(value)
    if kind == "domain":
        return _domain_key(raw)
    if kind == "email":
        return _email_key(raw, company=entity in _COMPANIES)
    if kind in ("id", "ref"):
        return raw or None
    return " ".join(normalize("NFKC", raw).casefold().split()) or None
