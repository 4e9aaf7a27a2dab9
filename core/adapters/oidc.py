"""Somebody else's word for who a person is: OpenID Connect, authorization code with PKCE, ID tokens verified.

Discovery document and keys are asked for at each sign-in: sign-ins are rare, and what isn't kept is never stale.
"""

from __future__ import annotations

import hashlib
import hmac
import secrets
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final

from authlib.integrations.base_client import OAuthError
from authlib.integrations.requests_client import OAuth2Session
from authlib.oidc.core import CodeIDToken
from joserfc import jwt
from joserfc.errors import JoseError
from joserfc.jwk import KeySet
from joserfc.jws import JWSRegistry
from requests import RequestException, Response

from core.adapters.safe_address import is_safe_address
from core.errors import RetryableError, SignInError, TerminalError
from core.observability.external_calls import external_call

# What a provider signs with a key of its own; never "none", and nothing that shares a secret with us.
ALGORITHMS: Final = ("RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512", "Ed25519")
TIMEOUT_SECONDS: Final = 10
CLOCK_SKEW_SECONDS: Final = 60
_OK: Final = 200


@dataclass(frozen=True, slots=True)
class Identity:
    """Whom the provider vouches for, with an address that it has verified."""

    issuer: str
    subject: str
    email: str


@dataclass(frozen=True, slots=True)
class Attempt:
    """One sign-in under way. Its secret stays with the browser; what the provider is told is derived from it, one way.

    So an answer counts only in the browser that asked (state), only for what it asked (nonce), and only with this
    secret (PKCE).
    """

    secret: str = field(default_factory=lambda: secrets.token_urlsafe(32), repr=False)

    @property
    def state(self) -> str:
        """Comes back in the address."""
        return self._derived("state")

    @property
    def nonce(self) -> str:
        """Comes back within the ID token."""
        return self._derived("nonce")

    @property
    def code_verifier(self) -> str:
        """Only its hash leaves at first."""
        return self._derived("code_verifier")

    def _derived(self, purpose: str) -> str:
        return hmac.new(self.secret.encode("utf-8", "replace"), purpose.encode(), hashlib.sha256).hexdigest()


@dataclass(frozen=True, slots=True)
class OidcProvider:
    """The provider of ADOLOGY_OIDC_ISSUER. Without a secret we are a public client: PKCE alone protects the code."""

    issuer: str
    client_id: str
    client_secret: str | None = field(repr=False)
    redirect_uri: str

    def address(self, attempt: Attempt) -> str:
        """Where the browser asks. Raises RetryableError, and TerminalError for a provider that is set up wrongly."""
        with self._session() as session:
            found = self._discover(session)
            url, _ = session.create_authorization_url(
                _endpoint(found, "authorization_endpoint"),
                state=attempt.state,
                nonce=attempt.nonce,
                code_verifier=attempt.code_verifier,
            )
        return str(url)

    def identify(self, attempt: Attempt, code: str, *, now: datetime) -> Identity:
        """Whom a code stands for. Raises SignInError for what can't be trusted, and as ``address``."""
        with self._session() as session:
            found = self._discover(session)
            tokens = self._redeem(session, found, attempt, code)
            keys = self._get(session, "read_keys", _endpoint(found, "jwks_uri"))
        return _verified_identity(_claims(tokens, keys, attempt, now, issuer=found["issuer"], client_id=self.client_id))

    def _session(self) -> OAuth2Session:
        return OAuth2Session(
            self.client_id,
            self.client_secret,
            scope="openid email",
            redirect_uri=self.redirect_uri,
            code_challenge_method="S256",
            default_timeout=TIMEOUT_SECONDS,
            trust_env=False,  # no proxies, no passwords from a .netrc
        )

    def _discover(self, session: OAuth2Session) -> dict[str, Any]:
        address = self.issuer.rstrip("/") + "/.well-known/openid-configuration"
        found = self._get(session, "discover", address)
        if str(found.get("issuer")).rstrip("/") != self.issuer.rstrip("/"):
            raise TerminalError("the provider calls itself otherwise: correct ADOLOGY_OIDC_ISSUER")
        return found

    def _get(self, session: OAuth2Session, operation: str, address: str) -> dict[str, Any]:
        with external_call("oidc", operation, target=address) as call:
            try:
                response = session.get(address, withhold_token=True, allow_redirects=False)
            except RequestException as error:
                raise _silent(error) from error
            call.status, call.size_bytes = response.status_code, len(response.content)
            return _json_object(response)

    def _redeem(self, session: OAuth2Session, found: dict[str, Any], attempt: Attempt, code: str) -> dict[str, Any]:
        address = _endpoint(found, "token_endpoint")
        with external_call("oidc", "redeem_code", target=address):
            try:
                tokens: dict[str, Any] = session.fetch_token(
                    address,
                    grant_type="authorization_code",
                    code=code,
                    code_verifier=attempt.code_verifier,
                    allow_redirects=False,
                )
            except OAuthError as error:
                raise SignInError(_REFUSED) from error
            except (RequestException, ValueError) as error:
                raise _silent(error) from error
            return tokens


_REFUSED: Final = "the identity provider's answer can't be trusted or is out of date: sign in again"


def _claims(
    tokens: dict[str, Any], keys: Any, attempt: Attempt, now: datetime, *, issuer: str, client_id: str
) -> dict[str, Any]:
    """Of an ID token that is signed by the issuer, for us, for this attempt, and not out of date."""
    registry = JWSRegistry(algorithms=list(ALGORITHMS), strict_check_header=False)
    options = {"iss": {"essential": True, "value": issuer}, "aud": {"essential": True, "value": client_id}}
    expected = {"nonce": attempt.nonce, "client_id": client_id, "access_token": tokens.get("access_token")}
    try:
        token = jwt.decode(tokens["id_token"], KeySet.import_key_set(keys), registry=registry)
        claims = CodeIDToken(token.claims, token.header, options, expected)
        claims.validate(now=int(now.timestamp()), leeway=CLOCK_SKEW_SECONDS)
    except (JoseError, ValueError, TypeError, KeyError) as error:
        raise SignInError(_REFUSED) from error
    return dict(claims)


def _verified_identity(claims: dict[str, Any]) -> Identity:
    if claims.get("email_verified") not in (True, "true") or not isinstance(claims.get("email"), str):  # Cognito: text
        raise SignInError("the identity provider hasn't verified your e-mail address: do so there, then sign in again")
    return Identity(claims["iss"], claims["sub"], claims["email"])


def _endpoint(found: dict[str, Any], name: str) -> str:
    address = str(found.get(name, ""))
    if not is_safe_address(address):
        raise TerminalError(f"the provider names no {name} that is safe to use: correct ADOLOGY_OIDC_ISSUER")
    return address


def _json_object(response: Response) -> dict[str, Any]:
    if response.status_code != _OK:
        raise RetryableError(f"the identity provider answered {response.status_code}: try again in a minute")
    try:
        found = response.json()
    except ValueError as error:
        raise TerminalError("the identity provider didn't answer with JSON: correct ADOLOGY_OIDC_ISSUER") from error
    if not isinstance(found, dict):
        raise TerminalError("the identity provider didn't answer with an object: correct ADOLOGY_OIDC_ISSUER")
    return found


def _silent(error: Exception) -> RetryableError:
    return RetryableError(f"the identity provider doesn't answer ({type(error).__name__}): try again in a minute")
