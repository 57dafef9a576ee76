-- Asks the gate about a request, and leaves of its headers what the grant allows. haproxy >= 2.6 (core.httpclient).

local GATE = "http://127.0.0.1:8000/gate/check?purpose=analytics&site=demo"
local WITHIN_MS = 2000

-- Only these reach the collector: no cookie, no token, no header that a tracker thought of.
local PASSED = { host = true, origin = true, authorization = true, ["content-type"] = true, ["content-length"] = true,
    ["content-encoding"] = true, ["transfer-encoding"] = true }
local PREFLIGHT = { host = true, origin = true, ["access-control-request-method"] = true,
    ["access-control-request-headers"] = true, ["content-length"] = true, ["transfer-encoding"] = true }
local GRANTED = { ["user-agent"] = "device", ["accept-language"] = "language", referer = "browsing" }

local function words(text)
    local found = {}
    for word in text:gmatch("%S+") do found[word] = true end
    return found
end

local function keep(txn, passed, granted)
    for name in pairs(txn.http:req_get_headers()) do
        if not passed[name] and not granted[GRANTED[name]] then txn.http:req_del_header(name) end
    end
end

-- The query without its token, and the token.
local function take_token(query)
    local kept, token = {}, nil
    for item in query:gmatch("[^&]+") do
        local name, value = item:match("^([^=]*)=?(.*)$")
        if name:gsub("%%63", "c"):gsub("%%74", "t") == "ct" then
            if value ~= "" then token = token or value end
        else
            kept[#kept + 1] = item
        end
    end
    return table.concat(kept, "&"), token
end

local function set_query(txn, query)
    txn.http:req_set_uri(txn.f:path() .. (query ~= "" and "?" .. query or ""))
end

local function first(headers, name)
    return headers[name] and headers[name][0]
end

core.register_action("consent", { "http-req" }, function(txn)
    local headers = txn.http:req_get_headers()
    local query = txn.f:query() or ""
    local kept, token = take_token(query)
    local asked = { cookie = {}, ["x-consent-token"] = {}, ["x-original-uri"] = { "/?ct=" .. (token or "") } }
    for name in pairs({ cookie = true, ["x-consent-token"] = true }) do
        local at = 0
        while headers[name] and headers[name][at] do
            asked[name][at + 1] = headers[name][at]
            at = at + 1
        end
        if at == 0 then asked[name] = nil end
    end
    local has_cookie = headers.cookie and (headers.cookie[0] .. (headers.cookie[1] or "")):find("cg_", 1, true)
    if not token and not asked["x-consent-token"] and not has_cookie then -- nothing to ask about
        txn:set_var("txn.verdict", "401")
        txn:set_var("txn.reason", "token_missing")
        return
    end
    local answer = core.httpclient():get({ url = GATE, headers = asked, timeout = WITHIN_MS })
    if answer.status == 401 or answer.status == 403 then
        txn:set_var("txn.verdict", tostring(answer.status))
        txn:set_var("txn.reason", first(answer.headers, "x-consent-reason") or "")
    end
    local subject = first(answer.headers, "x-consent-subject")
    if answer.status ~= 204 or not subject then return end

    local acquire = first(answer.headers, "x-consent-acquire") or ""
    local granted = words(acquire)
    keep(txn, PASSED, granted)
    txn.http:req_set_header("x-consent-subject", subject)
    txn.http:req_set_header("x-consent-scope", first(answer.headers, "x-consent-scope") or "")
    txn.http:req_set_header("x-consent-acquire", acquire)
    if granted.ip then txn.http:req_set_header("x-forwarded-for", tostring(txn.f:src())) end
    if kept ~= query then set_query(txn, kept) end
    txn:set_var("txn.verdict", "yes")
end)

-- A preflight carries no token: it goes on without query and grant; the configuration refuses one with a body.
core.register_action("preflight", { "http-req" }, function(txn)
    keep(txn, PREFLIGHT, {})
    set_query(txn, "")
    txn:set_var("txn.verdict", "yes")
end)
