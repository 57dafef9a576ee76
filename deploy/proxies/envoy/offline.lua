-- Second, where jwt_authn verifies: what it cannot know. The purpose, the kind of token, and whether it was withdrawn.

local ISSUER = "https://consent.example.jp"
local PURPOSE = "analytics"
local POLL_S = 5 -- how old a status list may be before a request waits for a newer one
local MAX_STALE_S = 30 -- a list that could not be fetched for so long denies
local TIMEOUT_MS = 2000

local LENGTH_BASE = { 3, 4, 5, 6, 7, 8, 9, 10, 11, 13, 15, 17, 19, 23, 27, 31, 35, 43, 51, 59, 67, 83, 99, 115, 131, 163,
    195, 227, 258 }
local LENGTH_EXTRA = { 0, 0, 0, 0, 0, 0, 0, 0, 1, 1, 1, 1, 2, 2, 2, 2, 3, 3, 3, 3, 4, 4, 4, 4, 5, 5, 5, 5, 0 }
local DISTANCE_BASE = { 1, 2, 3, 4, 5, 7, 9, 13, 17, 25, 33, 49, 65, 97, 129, 193, 257, 385, 513, 769, 1025, 1537, 2049,
    3073, 4097, 6145, 8193, 12289, 16385, 24577 }
local DISTANCE_EXTRA = { 0, 0, 0, 0, 1, 1, 2, 2, 3, 3, 4, 4, 5, 5, 6, 6, 7, 7, 8, 8, 9, 9, 10, 10, 11, 11, 12, 12, 13, 13 }
local CODE_ORDER = { 16, 17, 18, 0, 8, 7, 9, 6, 10, 5, 11, 4, 12, 3, 13, 2, 14, 1, 15 }
local LIST_BYTES = 16777216

local function base64url(text)
    local values = {}
    local alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
    for at = 1, 64 do values[alphabet:byte(at)] = at - 1 end
    local bytes, buffer, held = {}, 0, 0
    for at = 1, #text do
        local value = values[text:byte(at)]
        if not value then error("no base64url") end
        buffer, held = (buffer * 64 + value) % 65536, held + 6
        if held >= 8 then
            held = held - 8
            bytes[#bytes + 1] = math.floor(buffer / 2 ^ held) % 256
        end
    end
    return bytes
end

-- Canonical Huffman codes, RFC 1951 section 3.2.2: symbols in order of code, and how many of each length.
local function huffman(lengths, from, to)
    local counts, offsets, symbols = {}, { 0 }, {}
    for length = 0, 15 do counts[length] = 0 end
    for at = from, to do counts[lengths[at]] = counts[lengths[at]] + 1 end
    counts[0] = 0
    for length = 1, 15 do offsets[length + 1] = offsets[length] + counts[length] end
    for at = from, to do
        local length = lengths[at]
        if length > 0 then
            offsets[length] = offsets[length] + 1
            symbols[offsets[length]] = at - from
        end
    end
    return { counts = counts, symbols = symbols }
end

-- A zlib stream's bytes (RFC 1950, 1951), as a table from 1.
local function inflate(input)
    local at, buffer, held, out = 3, 0, 0, {}

    local function bits(count)
        while held < count do
            if not input[at] then error("the list is cut off") end
            buffer, held, at = buffer + input[at] * 2 ^ held, held + 8, at + 1
        end
        local value = buffer % 2 ^ count
        buffer, held = math.floor(buffer / 2 ^ count), held - count
        return value
    end

    local function symbol(code)
        local value, first, index = 0, 0, 0
        for length = 1, 15 do
            value = value + bits(1)
            local count = code.counts[length]
            if value - count < first then return code.symbols[index + value - first + 1] end
            index, first, value = index + count, (first + count) * 2, value * 2
        end
        error("no such code")
    end

    local function codes()
        local lengths = {}
        local literals, distances, sizes = bits(5) + 257, bits(5) + 1, bits(4) + 4
        for place = 0, 18 do lengths[place] = 0 end
        for place = 1, sizes do lengths[CODE_ORDER[place]] = bits(3) end
        local code, place = huffman(lengths, 0, 18), 0
        lengths = {}
        while place < literals + distances do
            local found, again, value = symbol(code), 1, 0
            if found < 16 then value = found
            elseif found == 16 then value, again = lengths[place - 1], 3 + bits(2)
            elseif found == 17 then again = 3 + bits(3)
            else again = 11 + bits(7) end
            for _ = 1, again do lengths[place], place = value, place + 1 end
        end
        return huffman(lengths, 0, literals - 1), huffman(lengths, literals, literals + distances - 1)
    end

    local function fixed()
        local lengths = {}
        for place = 0, 287 do
            lengths[place] = place < 144 and 8 or place < 256 and 9 or place < 280 and 7 or 8
        end
        for place = 288, 317 do lengths[place] = 5 end
        return huffman(lengths, 0, 287), huffman(lengths, 288, 317)
    end

    repeat
        local is_last, kind = bits(1), bits(2)
        if kind == 0 then
            buffer, held = 0, 0
            local size = input[at] + input[at + 1] * 256
            for place = at + 4, at + 3 + size do out[#out + 1] = input[place] end
            at = at + 4 + size
        else
            local literals, distances
            if kind == 1 then literals, distances = fixed() else literals, distances = codes() end
            while true do
                local found = symbol(literals)
                if found == 256 then break end
                if found < 256 then
                    out[#out + 1] = found
                else
                    local size = LENGTH_BASE[found - 256] + bits(LENGTH_EXTRA[found - 256])
                    local far = symbol(distances) + 1
                    far = DISTANCE_BASE[far] + bits(DISTANCE_EXTRA[far])
                    local from = #out - far
                    for place = 1, size do out[from + far + place] = out[from + place] end
                end
                if #out > LIST_BYTES then error("the list is too large") end
            end
        end
    until is_last == 1
    return out
end

local lists = {} -- uri → { bits, at, expires, is_fetching }: each worker has its own

local function read_list(text, uri)
    local payload = text:match("^[^.]+%.([^.]+)%.[^.]+$")
    local characters = {}
    for _, byte in ipairs(base64url(payload)) do characters[#characters + 1] = string.char(byte) end
    local claims = table.concat(characters)
    if claims:match('"sub":"([^"]+)"') ~= uri or claims:match('"bits":(%d+)') ~= "1" then error("another list") end
    return inflate(base64url(claims:match('"lst":"([^"]+)"'))), tonumber(claims:match('"exp":(%d+)'))
end

local function fetched(handle, uri, now)
    local held = lists[uri] or { at = 0 }
    local is_awaited = held.bits and held.is_fetching and now - held.is_fetching < POLL_S
    if now - held.at < POLL_S or is_awaited then return held end
    lists[uri] = held
    held.is_fetching = now
    local headers, body = handle:httpCall("gate",
        { [":method"] = "GET", [":path"] = uri:sub(#ISSUER + 1), [":authority"] = "gate" }, nil, TIMEOUT_MS)
    held.is_fetching = nil
    if headers[":status"] == "200" then
        local is_read, bits, expires = pcall(read_list, body, uri)
        if is_read then
            held.bits, held.expires, held.at = bits, expires, now
        else
            handle:logErr("consent: " .. uri .. ": " .. tostring(bits))
        end
    end
    return held
end

local function status_of(handle, reference, now)
    local uri, idx = reference.uri, reference.idx
    if uri:sub(1, #ISSUER) ~= ISSUER or not uri:sub(#ISSUER + 1):match("^/status/[1-9]%d*$") then
        return "status_unavailable"
    end
    local held = fetched(handle, uri, now)
    local is_known = held.bits and now - held.at < MAX_STALE_S and now < held.expires
    local byte = is_known and held.bits[math.floor(idx / 8) + 1]
    if not byte then return "status_unavailable" end
    if math.floor(byte / 2 ^ (idx % 8)) % 2 == 1 then return "withdrawn" end
end

local REASONS = {
    ["Jwt is expired"] = "token_expired",
    ["Jwt not yet valid"] = "token_not_yet_valid",
    ["Jwt verification fails"] = "signature_invalid",
    ["Audiences in Jwt are not allowed"] = "audience_mismatch",
    ["Jwt issuer is not configured"] = "issuer_mismatch",
    ["Jwks doesn't have key to match kid or alg from Jwt"] = "key_unknown",
}

local function refuse(handle, reason)
    local status = (reason == "withdrawn" or reason == "purpose_not_granted") and "403" or "401"
    handle:respond({ [":status"] = status, ["x-consent-reason"] = reason }, "")
end

local function is_count(value, least)
    return type(value) == "number" and value % 1 == 0 and value >= least and value <= 2 ^ 53
end

-- Whether the claims are of their types: jwt_authn has looked at iss, aud and exp alone, and takes a list for an aud.
local function is_whole(claims)
    local texts = { claims.iss, claims.aud, claims.sub, claims.scope, claims.acquire }
    for place = 1, 5 do
        if type(texts[place]) ~= "string" then return false end
    end
    local reference = type(claims.status) == "table" and claims.status.status_list
    return claims.sub ~= "" and #claims.sub <= 512 and #claims.scope <= 2048 and #claims.acquire <= 512
        and not claims.scope:find("[%c]") and not claims.acquire:find("[^a-z ]")
        and is_count(claims.iat, 0) and is_count(claims.exp, claims.iat + 1)
        and (claims.nbf == nil or is_count(claims.nbf, 0) and claims.nbf <= claims.iat)
        and is_count(claims.pv, 1) and is_count(claims.ep, 0)
        and type(reference) == "table" and type(reference.uri) == "string" and is_count(reference.idx, 0)
end

local function reason_against(handle, found)
    local claims, header = found.claims, found.header
    if not claims or not header then
        return REASONS[found.failure and found.failure.message] or "token_malformed"
    end
    if header.crit ~= nil or header.b64 ~= nil then return "token_malformed" end
    if header.alg ~= "ES256" then return "algorithm_denied" end
    if header.typ ~= "consent+jwt" then return "type_denied" end
    if type(header.kid) ~= "string" then return "key_unknown" end -- jwt_authn would try every key
    if not is_whole(claims) then return "claims_invalid" end
    local now = math.floor(handle:timestamp() / 1000)
    if claims.iat - 60 > now then return "token_not_yet_valid" end
    if claims.exp - claims.iat > 905 then return "lifetime_too_long" end
    local denied = status_of(handle, claims.status.status_list, now)
    if denied then return denied end
    if not (" " .. claims.scope .. " "):find(" " .. PURPOSE .. " ", 1, true) then return "purpose_not_granted" end
end

function envoy_on_request(handle)
    if handle:headers():get(":method") == "OPTIONS" then return end
    local found = handle:streamInfo():dynamicMetadata():get("envoy.filters.http.jwt_authn") or {}
    local reason = reason_against(handle, found)
    if reason then
        refuse(handle, reason)
        return
    end
    local headers = handle:headers() -- what was read before a fetch is out of scope after it
    headers:remove("x-consent-token")
    headers:replace("x-consent-subject", found.claims.sub)
    headers:replace("x-consent-scope", found.claims.scope)
    headers:replace("x-consent-acquire", found.claims.acquire)
end
