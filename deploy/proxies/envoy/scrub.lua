-- Last: of the headers only those that are named here go on, and what the grant leaves.

local PASSED = { origin = true, authorization = true, ["content-type"] = true, ["content-length"] = true,
    ["content-encoding"] = true, ["transfer-encoding"] = true, ["x-forwarded-proto"] = true, ["x-consent-subject"] = true,
    ["x-consent-scope"] = true, ["x-consent-acquire"] = true }
-- Without x-forwarded-proto envoy finds no route; the route takes it away.
local PREFLIGHT = { origin = true, ["x-forwarded-proto"] = true, ["access-control-request-method"] = true,
    ["access-control-request-headers"] = true }
local GRANTED = { ["user-agent"] = "device", ["accept-language"] = "language", referer = "browsing" }

function envoy_on_request(handle)
    local headers = handle:headers()
    local is_preflight = headers:get(":method") == "OPTIONS"
    local passed = is_preflight and PREFLIGHT or PASSED
    if not is_preflight and not headers:get("x-consent-subject") then -- nobody said yes
        handle:respond({ [":status"] = "503", ["retry-after"] = "2" }, "")
        return
    end
    local granted, unwanted = {}, {}
    for word in (headers:get("x-consent-acquire") or ""):gmatch("%S+") do granted[word] = true end
    for name in pairs(headers) do
        local kept = name:sub(1, 1) == ":" or passed[name] or (GRANTED[name] and granted[GRANTED[name]])
        if not kept then unwanted[#unwanted + 1] = name end
    end
    for _, name in ipairs(unwanted) do headers:remove(name) end
    if granted.ip and not is_preflight then
        local address = handle:streamInfo():downstreamRemoteAddress()
        headers:replace("x-forwarded-for", (address:gsub(":%d+$", ""):gsub("[%[%]]", "")))
    end
end
