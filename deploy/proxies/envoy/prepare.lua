-- First: finds the deciding token, takes it out of the query, and lets preflights by. (A script that fails lets a
-- request by as it is: without the verdict of a filter behind this one, scrub.lua stops it.)

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

-- The first cookie of a name, as browsers put them.
local function cookie(text, name)
    for pair in text:gmatch("[^;]+") do
        local found, value = pair:match("^%s*([^=]-)%s*=%s*(.-)%s*$")
        if found == name then return (value:gsub('"', "")) end
    end
    return ""
end

-- Whether it is one compact JWS of ES256, spelled in the one way: jwt_authn reads what it likes out of a longer text.
local function is_strict(token)
    local head, body, tail = token:match("^([%w_-]+)%.([%w_-]+)%.([%w_-]+)$")
    return head and body and #token <= 4096 and #head <= 1024 and #tail == 86 and tail:match("[AQgw]$")
end

function envoy_on_request(handle)
    local headers = handle:headers()
    local path, query = headers:get(":path"):match("^([^?]*)%??(.*)$")
    if headers:get(":method") == "OPTIONS" then
        headers:replace(":path", path)
        if handle:body() then handle:respond({ [":status"] = "400" }, "a preflight has no body") end
        return
    end
    local jar = headers:get("cookie") or ""
    local kept, asked = take_token(query)
    local token = (headers:get("x-consent-token") or ""):match("^%s*(.-)%s*$")
    if token == "" then token = asked or cookie(jar, "cg_token") end
    if cookie(jar, "cg_choice"):sub(1, 7) == "refused" then
        handle:respond({ [":status"] = "403", ["x-consent-reason"] = "withdrawn" }, "")
    elseif token == "" then
        handle:respond({ [":status"] = "401", ["x-consent-reason"] = "token_missing" }, "")
    elseif not is_strict(token) then
        handle:respond({ [":status"] = "401", ["x-consent-reason"] = "token_malformed" }, "")
    else
        headers:replace("x-consent-token", token)
        if kept ~= query then headers:replace(":path", kept == "" and path or path .. "?" .. kept) end
    end
end
