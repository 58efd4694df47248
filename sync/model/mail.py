"""Mail domains that anybody may have an address at."""

from __future__ import annotations

from typing import Final

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
"""Domains whose addresses are a person's own and say nothing about a company."""
