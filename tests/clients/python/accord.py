"""What the clients have in common: the Accord that they are tried against, a relying party of it, and a person with a browser."""

import html
import os
import re
from urllib.parse import urljoin, urlsplit

import requests

BASE = os.environ["ACCORD_URL"]
EMAIL = os.environ["ACCORD_EMAIL"]
PASSWORD = os.environ["ACCORD_PASSWORD"]
CALLBACK = "http://127.0.0.1:9/callback"


def at(path):
    return urljoin(BASE, path)


def person_token():
    form = {"grant_type": "password", "username": EMAIL, "password": PASSWORD}
    answer = requests.post(at("/oauth/token"), data=form)
    answer.raise_for_status()
    return answer.json()["access_token"]


def connector(**more):
    """A connector, as the accounts API makes it."""
    body = {"name": "Client", "redirectUris": [CALLBACK], **more}
    answer = requests.post(at("/api/connectors"), json=body, headers={"authorization": f"Bearer {person_token()}"})
    assert answer.status_code == 201, answer.text
    return answer.json()


class Browser:
    """A browser without scripts: it keeps cookies, and follows where it is sent until that is elsewhere."""

    def __init__(self):
        self.session = requests.Session()

    def go(self, method, url, **more):
        while True:
            answer = self.session.request(method, url, allow_redirects=False, **more)
            if "location" not in answer.headers:
                return url, answer.text
            url = urljoin(url, answer.headers["location"])
            if urlsplit(url).netloc != urlsplit(BASE).netloc:
                return url, None
            method, more = "GET", {}

    def sign_in(self, url):
        """Signs the person in for a client, and returns where the browser is sent back to."""
        url, page = self.go("GET", url)
        if page and 'name="password"' in page:
            form = re.search(r'<form[^>]*action="([^"]*)".*?</form>', page, re.S)
            hidden = re.findall(r'<input type="hidden" name="([^"]*)" value="([^"]*)"', form.group(0))
            fields = {name: html.unescape(value) for name, value in hidden}
            fields |= {"name": EMAIL, "password": PASSWORD}
            url, page = self.go("POST", urljoin(url, html.unescape(form.group(1))), data=fields)
        assert page is None, f"sent back, and not {url} {page}"
        return url
