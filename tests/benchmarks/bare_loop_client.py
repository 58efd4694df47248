"""simple-salesforce as it comes, on the sandbox."""

from urllib.parse import urlsplit

import requests
from simple_salesforce.api import Salesforce


class Loopback(requests.adapters.HTTPAdapter):
    """simple-salesforce speaks https to a fixed host: its session takes it to the sandbox."""

    def __init__(self, netloc):
        super().__init__()
        self.netloc = netloc

    def send(self, request, **kwargs):
        request.url = urlsplit(request.url)._replace(scheme="http", netloc=self.netloc).geturl()
        return super().send(request, **kwargs)


def client(url):
    session = requests.Session()
    session.trust_env = False
    session.mount("https://", Loopback(urlsplit(url).netloc))
    return Salesforce(consumer_key="sandbox", consumer_secret="sandbox", domain="acme.my", session=session, version="67.0")  # fmt: skip
