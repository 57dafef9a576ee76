// Verifies consent tokens inside nginx (njs >= 0.9.9, either engine): ES256 by WebCrypto, withdrawals by the status list.
// Written for njs's own engine: no classes, no destructuring, no Map, and no memory between two requests but shared.lists.
import hashes from "crypto";
import zlib from "zlib";

const settings = {
    service: "http://127.0.0.1:8000", // where keys and lists are fetched
    issuer: "https://consent.example.jp", // COOKIEGATE_BASE_URL
    audience: "demo",
    purpose: "analytics",
    leewayS: 60,
    maxStaleS: 30, // a list that could not be fetched for so long denies
};
const LONGEST = 4096;
const LONGEST_HEADER = 1024;
const MOST_S = 900 + 5;
const LIST_BYTES = 16777216;
const FORBIDDEN = ["withdrawn", "purpose_not_granted"];
const lists = ngx.shared.lists;

function now() {
    return Math.floor(Date.now() / 1000);
}

/** An error whose message is one of the gate's reasons. */
function refusal(reason) {
    const error = new Error(reason);
    error.isRefusal = true;
    return error;
}

// --- Keys and lists: fetched by one worker, shared by all ---------------------------------------------------------------

async function refresh() {
    const keys = await load(`${settings.service}/.well-known/jwks.json`);
    if (keys !== null && JSON.parse(keys).keys.length) lists.set("jwks", keys);
    // As many lists as there are: the first that is not there ends them.
    for (let number = 1; await keepList(number); number++);
}

async function load(address) {
    try {
        const answer = await ngx.fetch(address, { max_response_body_size: LIST_BYTES });
        return answer.status === 200 ? await answer.text() : null;
    } catch (error) {
        ngx.log(ngx.ERR, `consent: ${address}: ${error.message}`);
        return null;
    }
}

async function keepList(number) {
    const text = await load(`${settings.service}/status/${number}`);
    if (text === null) return false;
    try {
        const list = await open(text, "statuslist+jwt");
        const isOurs = list.sub === `${settings.issuer}/status/${number}` && list.status_list.bits === 1;
        if (!isOurs) throw refusal("the list is another one");
        const until = Math.min(list.exp, now() + settings.maxStaleS);
        lists.set(`status ${number}`, JSON.stringify({ until: until, lst: list.status_list.lst }));
    } catch (error) {
        ngx.log(ngx.ERR, `consent: status list ${number}: ${error.message}`);
    }
    return true;
}

// --- The token -----------------------------------------------------------------------------------------------------------

function decode(text) {
    const bytes = Buffer.from(text, "base64url");
    if (!text || bytes.toString("base64url") !== text) throw refusal("token_malformed");
    return bytes;
}

function readObject(text) {
    let value = null;
    try {
        value = JSON.parse(decode(text).toString());
    } catch (error) {
        throw refusal("token_malformed");
    }
    if (value === null || typeof value !== "object" || Array.isArray(value)) throw refusal("token_malformed");
    return value;
}

/** The payload of a compact JWS of one kind, checked against the keys that were fetched last. */
async function open(text, typ) {
    const parts = text.split(".");
    if (parts.length !== 3 || parts[0].length > LONGEST_HEADER) throw refusal("token_malformed");
    const header = readObject(parts[0]);
    if ("crit" in header || "b64" in header) throw refusal("token_malformed");
    if (header.alg !== "ES256") throw refusal("algorithm_denied");
    if (header.typ !== typ) throw refusal("type_denied");
    const known = JSON.parse(lists.get("jwks") || '{"keys":[]}').keys;
    const jwk = known.filter((key) => key.kid === header.kid && key.kty === "EC" && key.crv === "P-256")[0];
    if (!jwk) throw refusal("key_unknown");
    const plain = { kty: "EC", crv: "P-256", x: jwk.x, y: jwk.y };
    const algorithm = { name: "ECDSA", namedCurve: "P-256" };
    const key = await crypto.subtle.importKey("jwk", plain, algorithm, false, ["verify"]);
    const signed = Buffer.from(`${parts[0]}.${parts[1]}`);
    const signature = decode(parts[2]);
    const isSigned = signature.length === 64
        && (await crypto.subtle.verify({ name: "ECDSA", hash: "SHA-256" }, key, signature, signed));
    if (!isSigned) throw refusal("signature_invalid");
    return readObject(parts[1]);
}

function isWithdrawn(reference) {
    const found = /^(.*)\/status\/([1-9][0-9]{0,8})$/.exec(reference.uri);
    const held = found && found[1] === settings.issuer && lists.get(`status ${found[2]}`);
    if (!held) throw refusal("status_unavailable");
    const list = JSON.parse(held);
    if (list.until <= now()) throw refusal("status_unavailable");
    const bits = zlib.inflateSync(Buffer.from(list.lst, "base64url"));
    const at = Math.floor(reference.idx / 8);
    if (at >= bits.length) throw refusal("status_unavailable");
    return ((bits[at] >> (reference.idx % 8)) & 1) === 1;
}

const SUBJECT = /^[^]{1,512}$/;
const WORDS = /^[!#-\[\]-~]+( [!#-\[\]-~]+)*$/;
const CATEGORIES = /^([a-z]+( [a-z]+)*)?$/;

function isText(value) {
    return typeof value === "string";
}

function isCount(value) {
    return Number.isInteger(value) && value >= 0 && value <= Number.MAX_SAFE_INTEGER;
}

async function verify(token) {
    if (!token) throw refusal("token_missing");
    if (token.length > LONGEST) throw refusal("token_oversized");
    if (!lists.get("jwks")) await refresh(); // just started
    const claims = await open(token, "consent+jwt");
    const reference = claims.status && claims.status.status_list;
    const isWhole = [claims.iss, claims.aud].every(isText) && isText(claims.sub) && SUBJECT.test(claims.sub)
        && isText(claims.scope) && claims.scope.length <= 2048 && WORDS.test(claims.scope)
        && isText(claims.acquire) && claims.acquire.length <= 512 && CATEGORIES.test(claims.acquire)
        && [claims.iat, claims.exp, claims.pv, claims.ep].every(isCount) && claims.pv > 0 && claims.exp > claims.iat
        && (!("nbf" in claims) || isCount(claims.nbf) && claims.nbf <= claims.iat)
        && reference && isCount(reference.idx) && isText(reference.uri);
    if (!isWhole) throw refusal("claims_invalid");
    if (claims.iss !== settings.issuer) throw refusal("issuer_mismatch");
    if (claims.aud !== settings.audience) throw refusal("audience_mismatch");
    if (claims.exp + settings.leewayS <= now()) throw refusal("token_expired");
    if (claims.iat - settings.leewayS > now()) throw refusal("token_not_yet_valid");
    if (claims.exp - claims.iat > MOST_S) throw refusal("lifetime_too_long");
    if (isWithdrawn(reference)) throw refusal("withdrawn");
    if (!claims.scope.split(" ").includes(settings.purpose)) throw refusal("purpose_not_granted");
    return claims;
}

// --- The request ---------------------------------------------------------------------------------------------------------

const IS_TOKEN = /^(c|%63)(t|%74)=/;

/** The request's token: header, query, cookie; the first that holds anything decides. */
function carried(r) {
    // nginx's own reading of cookies is the first of a name, as browsers put it.
    if ((r.variables.cookie_cg_choice || "").replace(/^"/, "").startsWith("refused")) throw refusal("withdrawn");
    const header = (r.headersIn["X-Consent-Token"] || "").trim();
    if (header) return header;
    const uri = r.variables.request_uri;
    const query = uri.includes("?") ? uri.slice(uri.indexOf("?") + 1).split("&") : [];
    const found = query.filter((item) => IS_TOKEN.test(item)).map((item) => item.slice(item.indexOf("=") + 1));
    return found.filter((item) => item)[0] || r.variables.cookie_cg_token || "";
}

function deny(r, error) {
    if (!error.isRefusal) ngx.log(ngx.ERR, `consent: ${error.message}`);
    const reason = error.isRefusal ? error.message : "token_malformed";
    r.variables.consent_reason = reason;
    r.return(FORBIDDEN.includes(reason) ? 403 : 401, "");
}

function grant(r, claims) {
    r.variables.consent_subject = claims.sub;
    r.variables.consent_scope = claims.scope;
    r.variables.consent_acquire = claims.acquire;
}

async function access(r) {
    try {
        grant(r, await verify(carried(r)));
    } catch (error) {
        deny(r, error);
        return;
    }
    r.decline();
}

function argsWithoutToken(r) {
    return (r.variables.args || "").split("&").filter((item) => !IS_TOKEN.test(item)).join("&");
}

function whenGranted(r, category, value) {
    return (r.variables.consent_acquire || "").split(" ").includes(category) ? value || "" : "";
}

function grantedAddress(r) {
    return whenGranted(r, "ip", r.variables.remote_addr);
}

function grantedAgent(r) {
    return whenGranted(r, "device", r.headersIn["User-Agent"]);
}

function grantedLanguage(r) {
    return whenGranted(r, "language", r.headersIn["Accept-Language"]);
}

function grantedReferer(r) {
    return whenGranted(r, "browsing", r.headersIn.Referer);
}

// --- A body: Snowplow's payload_data -------------------------------------------------------------------------------------

const KINDS = ["pv", "pp", "se"]; // self-describing events and contexts need the service: /collect/snowplow
const FIELDS = {
    event: "e eid aid tna p tv dtm stm ttm se_ca se_ac se_la se_pr se_va",
    device: "ua cookie",
    language: "lang",
    screen: "res vp ds cd",
    browsing: "url refr page pp_mix pp_max pp_miy pp_may",
    identifier: "duid nuid tnuid uid sid vid",
    other: "tz cs",
};
const PAYLOAD = "iglu:com.snowplowanalytics.snowplow/payload_data/jsonschema/1-0-";
const CONSENT = "iglu:jp.cookiegate/consent/jsonschema/1-0-0";

const SKEW_MS = 60000;

/** Why a good token does not cover an event, as the service's own gate judges it; an empty text if it does. */
function reasonAgainst(event, claims) {
    if (!KINDS.includes(event.e)) return "event_unknown";
    const bound = claims.bnd && claims.bnd.snowplow;
    if (bound !== undefined) {
        const digest = hashes.createHash("sha256").update(`${claims.aud}\n${event.duid}`).digest();
        const isSame = isText(event.duid) && digest.slice(0, 16).toString("base64url") === bound;
        if (!isSame) return "binding_mismatch";
    }
    const told = [event.ttm, event.dtm].filter((text) => isText(text) && /^\d{1,20}(\.\d{1,9})?$/.test(text)).map(Number);
    const at = Math.min(told.filter((ms) => ms >= 1e12).concat(Date.now())[0], Date.now());
    if (at < claims.iat * 1000 - SKEW_MS) return "event_too_early";
    return at > (claims.exp + settings.leewayS) * 1000 ? "event_too_late" : "";
}

/** An event's own token: a context. */
function tokenOf(event) {
    const contexts = isText(event.co) ? JSON.parse(event.co).data : [];
    const found = contexts.filter((context) => context.schema === CONSENT)[0];
    return found && found.data.token;
}

function strip(event, acquire) {
    const kept = {};
    ["event"].concat(acquire.split(" ")).forEach((category) => {
        (FIELDS[category] || "").split(" ").forEach((name) => {
            if (isText(event[name])) kept[name] = event[name];
        });
    });
    return kept;
}

function readEvents(r) {
    const body = JSON.parse(r.requestText);
    if (!body.schema.startsWith(PAYLOAD)) throw refusal("event_malformed");
    return body.data.map((event) => ({ event: event, token: tokenOf(event) }));
}

/** Passes on what is granted of a batch: a request for each of its tokens. */
async function snowplow(r) {
    const groups = Object.create(null);
    let failure = refusal("event_malformed");
    let events = [];
    try {
        events = readEvents(r);
    } catch (error) {
        events = [];
    }
    for (let at = 0; at < events.length; at++) {
        try {
            const event = events[at].event;
            const token = events[at].token || carried(r);
            const claims = groups[token] ? groups[token].claims : await verify(token);
            const reason = reasonAgainst(event, claims);
            if (reason) throw refusal(reason);
            if (!groups[token]) groups[token] = { claims: claims, events: [] };
            groups[token].events.push(strip(event, claims.acquire));
        } catch (error) {
            failure = error;
        }
    }
    const tokens = Object.keys(groups);
    if (tokens.length === 0) {
        deny(r, failure);
        return;
    }
    let answer = null;
    for (let at = 0; at < tokens.length; at++) {
        const group = groups[tokens[at]];
        grant(r, group.claims);
        const body = JSON.stringify({ schema: `${PAYLOAD}4`, data: group.events });
        answer = await r.subrequest(`/.collector${r.uri}`, { method: "POST", body: body });
    }
    ["Content-Type", "Access-Control-Allow-Origin", "Access-Control-Allow-Credentials"].forEach((name) => {
        if (answer.headersOut[name]) r.headersOut[name] = answer.headersOut[name];
    });
    r.return(answer.status, answer.responseBuffer);
}

export default {
    access, argsWithoutToken, grantedAddress, grantedAgent, grantedLanguage, grantedReferer, refresh, snowplow,
};
