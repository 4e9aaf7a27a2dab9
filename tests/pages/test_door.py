"""The workbench's door: a one-time link, our session cookie, the gate before everything else, the way out."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from threading import Barrier
from urllib.parse import urlencode

from app.door.gate import OPEN
from app.resources import services
from core.access.sign_in import LINK_HOURS, sign_out_everywhere
from core.access.tokens import SESSION_COOKIE
from core.access.users import disable_user, enable_user
from core.domain.principal import LOCAL_PRINCIPAL, Role
from tests.pages.conftest import StartDoor
from tests.pages.door import ANN, BEHIND, Browser, Door

PROTECTED = [
    "/",
    "/creatives",
    "/media/0123.jpg",
    "/_stcore/host-config",
    "/_stcore/metrics",
    "/_stcore/upload_file/a/b",
]
DISGUISED = [
    "/sign-in/",
    "/sign-in/x",
    "/SIGN-IN",
    "/static",
    "//static/x",
    "/sign-in/../creatives",
    "/_stcore/health/x",
]


def test_without_a_session_nothing_is_served_but_the_way_in(door: Door) -> None:
    answers = {path: door.browser().get(path) for path in [*PROTECTED, *DISGUISED]}
    assert {path: answer.status for path, answer in answers.items()} == dict.fromkeys(answers, 401)
    assert all("./adology login" in answer.text and BEHIND not in answer.text for answer in answers.values())


def test_a_made_up_session_opens_nothing(door: Door) -> None:
    made_up = ["", "x", "a" * 5000, "';--"]
    assert [cookie for cookie in made_up if Browser(door.url, {SESSION_COOKIE: cookie}).is_in] == []


def test_a_websocket_is_accepted_with_a_session_only(door: Door) -> None:
    upgrade = {"Connection": "Upgrade", "Upgrade": "websocket", "Sec-WebSocket-Version": "13"}
    upgrade["Sec-WebSocket-Key"] = "dGhlIHNhbXBsZSBub25jZQ=="
    refused = door.browser().get("/_stcore/stream", **upgrade)
    assert (refused.status, BEHIND in refused.text) == (403, False)
    assert door.signed_in().get("/_stcore/stream", **upgrade).status == 101


def test_what_holds_nobodys_data_is_served_to_all(door: Door) -> None:
    for path in ("/_stcore/health", "/static/js/index.js", "/manifest.json", "/favicon.png"):
        assert door.browser().get(path).status == 200, path


def test_the_cookie_is_ours_alone_and_ends_with_the_session(door: Door) -> None:
    cookie = door.browser().sign_in(door.link()).cookie(SESSION_COOKIE)
    flags = {name: cookie[name] for name in ("httponly", "samesite", "path", "max-age", "secure", "domain")}
    expected = {
        "httponly": True,
        "samesite": "lax",
        "path": "/",
        "max-age": str(336 * 3600),
        "secure": "",
        "domain": "",
    }
    assert flags == expected


def test_off_loopback_the_cookie_travels_over_tls_only(start_door: StartDoor) -> None:
    door = start_door(ADOLOGY_WORKBENCH_URL="https://ads.example")
    assert door.browser().sign_in(door.link()).cookie(SESSION_COOKIE)["secure"]


def test_opening_a_link_does_not_use_it_up(door: Door) -> None:
    token, scanner = door.link(), door.browser()
    for _ in range(3):
        assert 'method="post"' in scanner.get(f"/sign-in?token={token}").text
    assert SESSION_COOKIE not in scanner.cookies
    assert door.browser().sign_in(token).status == 303


def test_a_link_signs_in_once(door: Door) -> None:
    token, second = door.link(), door.browser()
    door.browser().sign_in(token)
    answer = second.sign_in(token)
    assert answer.status == 403
    assert "used already or is out of date" in answer.text
    assert not second.is_in


def test_of_two_who_use_a_link_at_once_one_comes_in(door: Door) -> None:
    token, together = door.link(), Barrier(8)

    def use(browser: Browser) -> int:
        together.wait()
        return browser.sign_in(token).status

    with ThreadPoolExecutor(8) as pool:
        statuses = list(pool.map(use, [door.browser() for _ in range(8)]))
    assert sorted(statuses) == [303, *[403] * 7]


def test_a_link_is_out_of_date_after_a_day(door: Door) -> None:
    early, late = door.link(), door.link()
    door.later(hours=LINK_HOURS, seconds=-60)
    assert door.browser().sign_in(early).status == 303
    door.later(seconds=61)
    assert door.browser().sign_in(late).status == 403


def test_a_session_ends_at_its_hour(start_door: StartDoor) -> None:
    door = start_door(ADOLOGY_SESSION_HOURS="2")
    browser = door.signed_in()
    door.later(hours=2, seconds=-60)
    assert browser.is_in
    door.later(seconds=61)
    assert not browser.is_in


def test_a_disabled_user_is_out_at_once_and_comes_back_by_no_link(door: Door) -> None:
    door.invite("owner@acme.example", Role.OWNER)
    user_id, ports = door.invite(), services()
    browser, unused = door.signed_in(), door.link()
    disable_user(ports.database, LOCAL_PRINCIPAL, user_id, now=ports.clock.now())
    assert not browser.is_in
    assert door.browser().sign_in(unused).status == 403
    enable_user(ports.database, LOCAL_PRINCIPAL, user_id)
    assert door.browser().sign_in(unused).status == 403


def test_signing_out_ends_this_session_in_the_database(door: Door) -> None:
    here, there = door.signed_in(), door.signed_in()
    kept = dict(here.cookies)
    answer = here.post("/sign-out")
    assert (answer.status, answer.location) == (303, "/")
    assert SESSION_COOKIE not in here.cookies
    assert not Browser(door.url, kept).is_in
    assert there.is_in


def test_signing_out_everywhere_ends_all_and_spoils_links(door: Door) -> None:
    user_id = door.invite()
    browsers, unused, ports = [door.signed_in(), door.signed_in()], door.link(), services()
    assert sign_out_everywhere(ports.database, LOCAL_PRINCIPAL, user_id, now=ports.clock.now()) == 2
    assert not any(browser.is_in for browser in browsers)
    assert door.browser().sign_in(unused).status == 403


ELSEWHERE = [
    {"Sec-Fetch-Site": "cross-site"},
    {"Sec-Fetch-Site": "same-site"},
    {"Sec-Fetch-Site": "none"},
    {"Sec-Fetch-Site": "cross-site", "Origin": "OWN"},
    {"Origin": "https://evil.example"},
    {"Origin": "null"},
    {},
]


def test_another_page_can_neither_sign_in_nor_out(door: Door) -> None:
    browser, token = door.signed_in(), door.link()
    for headers in ELSEWHERE:
        sent = {name: door.url if value == "OWN" else value for name, value in headers.items()}
        assert browser.post("/sign-out", headers=sent).status == 403, headers
        assert door.browser().post("/sign-in", {"token": token}, sent).status == 403, headers
    assert browser.is_in
    assert door.browser().sign_in(token).status == 303


def test_a_browser_that_only_tells_its_origin_signs_in(door: Door) -> None:
    assert door.browser().post("/sign-in", {"token": door.link()}, {"Origin": door.url}).status == 303


def test_leaving_forgets_a_dead_cookie_and_never_ends_a_session(door: Door) -> None:
    browser = door.signed_in()
    assert browser.get("/auth/logout").location == "/"
    assert browser.is_in
    dead = Browser(door.url, {SESSION_COOKIE: "dead"})
    assert dead.get("/auth/logout").location == "/"
    assert dead.cookies == {}


def test_no_request_chooses_where_it_leads(door: Door) -> None:
    evil = dict.fromkeys(["next", "url", "redirect", "redirect_uri", "return_to"], "https://evil.example")
    browser, asked = door.browser(), urlencode(evil)
    answers = [
        browser.post(f"/sign-in?{asked}", {"token": door.link(), **evil}),
        browser.get(f"/auth/logout?{asked}", Host="evil.example"),
        browser.post(f"/sign-out?{asked}", evil),
    ]
    assert [answer.location for answer in answers] == ["/", "/", "/"]


def test_no_page_of_the_door_runs_or_loads_or_leaks_anything(door: Door) -> None:
    for path in ("/sign-in", "/sign-in?token=x", "/", "/sign-in/oidc/callback"):
        answer = door.browser().get(path)
        policy = answer.headers["Content-Security-Policy"]
        assert policy.startswith("default-src 'none'; style-src 'sha256-")
        assert "unsafe" not in policy
        assert {"form-action 'self'", "frame-ancestors 'none'", "base-uri 'none'"} <= set(policy.split("; "))
        assert answer.headers["Referrer-Policy"] == "no-referrer"
        assert answer.headers["Cache-Control"] == "no-store"
        assert "<script" not in answer.text
        assert " style=" not in answer.text


def test_whatever_stands_in_an_address_or_setting_is_text(start_door: StartDoor) -> None:
    door = start_door(ADOLOGY_OIDC_NAME='<b>Corp</b> & "Co"')
    shown = door.browser().get("/sign-in?token=%22%3E%3Cscript%3Ealert(1)%3C/script%3E").text
    assert 'value="&quot;&gt;&lt;script&gt;alert(1)&lt;/script&gt;"' in shown
    assert "<script" not in shown
    assert "Continue with &lt;b&gt;Corp&lt;/b&gt; &amp; &quot;Co&quot;" in door.browser().get("/").text


def test_a_form_that_is_too_long_is_refused(door: Door) -> None:
    assert door.browser().post("/sign-in", {"token": "x" * 5000}).status == 400


def test_no_way_in_is_a_way_around(door: Door) -> None:
    browser = door.browser()
    for path in OPEN:
        for method in ("GET", "POST", "PUT", "DELETE", "OPTIONS"):
            is_streamlits = path in {"/_stcore/health", "/favicon.png", "/manifest.json"} and method == "GET"
            assert is_streamlits or BEHIND not in browser.ask(method, path, {}).text, (method, path)


def test_who_is_in_already_is_told_so(door: Door) -> None:
    assert ANN in door.signed_in().get("/sign-in").text


def test_without_a_database_the_door_says_so_and_lets_nobody_in(start_door: StartDoor) -> None:
    urls = {f"ADOLOGY_DATABASE_{role}_URL": "postgresql://x:x@127.0.0.1:1/x" for role in ("APP", "WORKER", "OPERATOR")}
    browser = Browser(start_door(**urls).url, {SESSION_COOKIE: "of somebody"})
    for answer in (browser.get("/creatives"), browser.sign_in("x")):
        assert (answer.status, BEHIND in answer.text) == (503, False)
        assert "doesn&#x27;t answer" in answer.text
