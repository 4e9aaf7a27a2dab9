"""An identity provider on this machine, honest unless it is told to lie: OpenID Connect with PKCE over real HTTP."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import secrets
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qsl, urlencode, urlsplit

from joserfc import jwt
from joserfc.jwk import RSAKey

CLIENT_ID = "adology-tests"
CLIENT_SECRET = "the-secret-of-the-client"
CODE_SECONDS = 3600

_HONEST = RSAKey.generate_key(2048, {"kid": "1", "use": "sig"})
_STRANGER = RSAKey.generate_key(2048, {"kid": "1", "use": "sig"})


@dataclass
class OidcServer:
    """Signs in whoever ``claims`` describe. ``metadata`` replaces entries of the discovery document."""

    url: str
    claims: dict[str, Any] = field(default_factory=lambda: {"sub": "s1", "email": "ann@acme.example"})
    metadata: dict[str, Any] = field(default_factory=dict)
    signs: str = "RS256"  # or none, HS256, stranger
    error: str = ""  # answered in place of a code
    state: str = ""  # answered in place of the one that was asked with
    asked: list[dict[str, str]] = field(default_factory=list)  # the parameters of each authorization
    redeemed: list[dict[str, str]] = field(default_factory=list)  # and of each call of the token endpoint
    codes: dict[str, dict[str, str]] = field(default_factory=dict)

    def discovery(self) -> dict[str, Any]:
        return {
            "issuer": self.url,
            "authorization_endpoint": f"{self.url}/authorize",
            "token_endpoint": f"{self.url}/token",
            "jwks_uri": f"{self.url}/keys",
            **self.metadata,
        }

    def authorize(self, asked: dict[str, str]) -> str:
        """Where the browser is sent back to: the person has agreed, or refused."""
        self.asked.append(asked)
        answer = {"state": self.state or asked["state"]}
        if self.error:
            answer["error"] = self.error
        else:
            answer["code"] = secrets.token_urlsafe(16)
            self.codes[answer["code"]] = asked
        return f"{asked['redirect_uri']}?{urlencode(answer)}"

    def tokens(self, form: dict[str, str], authorization: str) -> tuple[int, dict[str, Any]]:
        """Once for each code, to the client that asked, with the verifier that only it knows."""
        self.redeemed.append(form)
        asked = self.codes.pop(form.get("code", ""), None)
        expected = "Basic " + base64.b64encode(f"{CLIENT_ID}:{CLIENT_SECRET}".encode()).decode()
        hashed = hashlib.sha256(form.get("code_verifier", "").encode()).digest()
        challenge = _text(hashed)
        if (
            asked is None
            or authorization != expected
            or challenge != asked["code_challenge"]
            or form.get("redirect_uri") != asked["redirect_uri"]
        ):
            return 400, {"error": "invalid_grant"}
        return 200, {"access_token": "unused", "token_type": "Bearer", "id_token": self.id_token(asked["nonce"])}

    def id_token(self, nonce: str) -> str:
        now = int(datetime.now(UTC).timestamp())
        claims = {"iss": self.url, "aud": CLIENT_ID, "iat": now, "exp": now + CODE_SECONDS, "nonce": nonce}
        claims |= {"email_verified": True, **self.claims}
        claims = {name: value for name, value in claims.items() if value is not None}
        if self.signs == "none":
            return f"{_part({'alg': 'none', 'typ': 'JWT'})}.{_part(claims)}."
        if self.signs == "HS256":  # with what everybody knows: the public key
            signed = f"{_part({'alg': 'HS256', 'typ': 'JWT', 'kid': '1'})}.{_part(claims)}"
            return f"{signed}.{_text(hmac.digest(_HONEST.as_pem(private=False), signed.encode(), 'sha256'))}"
        return jwt.encode({"alg": "RS256", "kid": "1"}, claims, _STRANGER if self.signs == "stranger" else _HONEST)


def _part(value: dict[str, Any]) -> str:
    return _text(json.dumps(value).encode())


def _text(value: bytes) -> str:
    return base64.urlsafe_b64encode(value).rstrip(b"=").decode()


@contextmanager
def oidc_server() -> Iterator[OidcServer]:
    """A provider on a free port."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            path, asked = urlsplit(self.path).path, dict(parse_qsl(urlsplit(self.path).query))
            if path == "/.well-known/openid-configuration":
                self._answer(200, provider.discovery())
            elif path == "/keys":
                self._answer(200, {"keys": [_HONEST.as_dict(private=False)]})
            elif path == "/authorize":
                self.send_response(302)
                self.send_header("Location", provider.authorize(asked))
                self.send_header("Content-Length", "0")
                self.end_headers()
            else:
                self._answer(404, {})

        def do_POST(self) -> None:
            form = dict(parse_qsl(self.rfile.read(int(self.headers["Content-Length"])).decode()))
            self._answer(*provider.tokens(form, self.headers.get("Authorization", "")))

        def _answer(self, status: int, value: dict[str, Any]) -> None:
            body = json.dumps(value).encode()
            self.send_response(status)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: Any) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    provider = OidcServer(f"http://127.0.0.1:{server.server_port}")
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield provider
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
