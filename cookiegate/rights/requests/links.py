"""Addresses of a request: its status page, and the signed link that confirms an e-mail address once."""

from __future__ import annotations

import hashlib
import hmac
import re
from base64 import urlsafe_b64encode
from urllib.parse import quote

from cookiegate.rights.requests.deadlines import DAY_MS
from cookiegate.rights.requests.files import RequestFile

LINK_DAYS = 7
_TOKEN = re.compile(r"([0-9]{10,12})\.([A-Za-z0-9_-]{22})")


class RequestLinks:
    """Makes and checks addresses.

    Args:
        secret: 32 bytes; signs confirmation links.
        base_url: public address of the service.
    """

    def __init__(self, secret: bytes, base_url: str) -> None:
        self._secret = secret
        self._base_url = base_url

    def status(self, file: RequestFile) -> str:
        """The status page. It asks for the code; no address ever holds it."""
        return f"{self._page(file)}?lang={quote(file.locale)}"

    def notice(self, file: RequestFile) -> str:
        """The site's notice."""
        return f"{self._base_url}/notice/{quote(file.site)}?lang={quote(file.locale)}"

    def confirmation(self, file: RequestFile, now_ms: int) -> str:
        """The link that proves control of the e-mail address, good for a week."""
        expires_s = (now_ms + LINK_DAYS * DAY_MS) // 1000
        token = f"{expires_s}.{self._mac(file, expires_s)}"
        return f"{self._page(file)}/confirm?lang={quote(file.locale)}&t={token}"

    def check(self, file: RequestFile, token: str, now_ms: int) -> bool:
        """Whether a link's token is ours, for this request, and has not run out.

        That it works once is held by the request itself: an address is confirmed once.
        """
        match = _TOKEN.fullmatch(token)
        if match is None:
            return False
        expires_s = int(match[1])
        is_ours = hmac.compare_digest(match[2], self._mac(file, expires_s))
        return is_ours and now_ms < expires_s * 1000

    def _page(self, file: RequestFile) -> str:
        return f"{self._base_url}/preferences/{quote(file.site)}/request/{file.reference}"

    def _mac(self, file: RequestFile, expires_s: int) -> str:
        text = f"{file.id}\n{file.person.email}\n{expires_s}".encode()
        mac = hashlib.blake2b(text, digest_size=16, key=self._secret, person=b"confirm-address").digest()
        return urlsafe_b64encode(mac).rstrip(b"=").decode()
