-- Traffic like a real site's, for wrk with as many threads as connections: a thread then is one connection, so that each
-- answer belongs to the request before it, and can be held against what that request must get.
-- Environment: FOLDER with a world of visitors per thread, RUN (a prefix of idempotency keys), SEED, CONNECTIONS,
-- WARM_UP_S (answers of the first seconds are not timed), RATE (requests/s over all threads, 0: as many as go),
-- MIX (site; fill: a refresh, then a check of the new token, so that what the service remembers of tokens gets full; or
-- one kind of request by its name below).
local ffi = require("ffi")
ffi.cdef("typedef struct { long s; long ns; } cg_time; int clock_gettime(int, cg_time *);")
local clock = ffi.new("cg_time")

-- Cumulative shares, in per cent: of kinds, then of what is asked within a kind.
local MIXES = {
  site = { { 60, "widget" }, { 85, "token" }, { 95, "gate" }, { 99, "decision" }, { 100, "preferences" } },
}
local WITHIN = {
  widget = { { 50, "widget first" }, { 100, "widget known" } },
  token = { { 100, "token refresh" } },
  gate = { { 5, "gate garbled" }, { 15, "gate withdrawn" }, { 100, "gate granted" } },
  decision = {
    { 55, "decision accept" }, { 67, "decision choose" }, { 82, "decision refuse" }, { 98, "decision change" },
    { 100, "decision withdraw" },
  },
  preferences = { { 100, "preferences page" } },
}
local FILLS = os.getenv("MIX") == "fill"
local MIX = FILLS and { { 100, "token refresh" } } or MIXES[os.getenv("MIX")] or { { 100, os.getenv("MIX") } }
local EXPECTED = {
  ["widget first"] = { [200] = true },
  ["widget known"] = { [304] = true },
  ["token refresh"] = { [200] = true },
  ["gate granted"] = { [204] = true },
  ["gate withdrawn"] = { [401] = true, [403] = true },
  ["gate garbled"] = { [401] = true },
  ["decision accept"] = { [201] = true },
  ["decision choose"] = { [201] = true },
  ["decision refuse"] = { [201] = true },
  ["decision change"] = { [201] = true },
  ["decision withdraw"] = { [201] = true },
  ["preferences page"] = { [200] = true },
}
local SHOWN_FAULTS = 3
-- A withdrawal is known everywhere within five seconds on a cluster: no check is made sooner.
local KNOWN_EVERYWHERE_US = 6e6
local CLOSE_EVERY = 50
-- 16 buckets to a doubling: 4.4 per cent wide.
local BUCKETS_AN_OCTAVE = 16

local PLATFORMS = {
  "Windows NT 10.0; Win64; x64", "Macintosh; Intel Mac OS X 10_15_7", "X11; Linux x86_64", "Linux; Android 14; Pixel 8",
  "Linux; Android 15; SM-S921B", "Linux; Android 13; SO-53C",
}
local LANGUAGES = { "ja,en;q=0.8", "ja", "ja-JP,ja;q=0.9,en;q=0.7", "en-GB,en;q=0.9", "de,en;q=0.6" }

local function now_us()
  ffi.C.clock_gettime(1, clock)
  return tonumber(clock.s) * 1e6 + tonumber(clock.ns) / 1e3
end

local threads = {}

function setup(thread)
  table.insert(threads, thread)
  thread:set("id", #threads - 1)
end

local world, counts, faults_shown, made
local what, visitor, from_us, late_from_us, warm_until_us
local withdrawn, withdrawn_next, recent
local interval_us, due_us

function init(args)
  math.randomseed(tonumber(os.getenv("SEED")) * 1000 + id)
  world = dofile(os.getenv("FOLDER") .. "/" .. id .. ".lua")
  withdrawn, recent, withdrawn_next = world.withdrawn, {}, 0
  made, faults_shown = 0, 0
  tally = { ["sent|bytes"] = 0 }
  warm_until_us = now_us() + tonumber(os.getenv("WARM_UP_S")) * 1e6
  for _, person in ipairs(world.visitors) do
    person.head = person_head()
    person.cookie = "Cookie: cg_handle.demo=" .. person.handle .. "\r\n"
  end
  local rate = tonumber(os.getenv("RATE"))
  if rate > 0 then
    interval_us = tonumber(os.getenv("CONNECTIONS")) / rate * 1e6
    due_us = now_us() + math.random() * interval_us
    delay = wait_until_due
  end
end

function person_head()
  local address = ("%d.%d.%d.%d"):format(math.random(1, 9), math.random(0, 255), math.random(0, 255), math.random(1, 254))
  return "Host: " .. wrk.headers["Host"]
    .. "\r\nUser-Agent: Mozilla/5.0 (" .. PLATFORMS[math.random(#PLATFORMS)]
    .. ") AppleWebKit/537.36 (KHTML, like Gecko) Chrome/" .. math.random(140, 156) .. ".0.0.0 Safari/537.36"
    .. "\r\nAccept-Language: " .. LANGUAGES[math.random(#LANGUAGES)]
    .. "\r\nAccept-Encoding: gzip, deflate, br\r\nX-Forwarded-For: " .. address .. "\r\n"
end

local function message(line, head, body)
  made = made + 1
  local closing = made % CLOSE_EVERY == 0 and "Connection: close\r\n" or ""
  return line .. " HTTP/1.1\r\n" .. head .. closing .. "Content-Length: " .. #body .. "\r\n\r\n" .. body
end

local function read(path, head)
  made = made + 1
  local closing = made % CLOSE_EVERY == 0 and "Connection: close\r\n" or ""
  return "GET " .. path .. " HTTP/1.1\r\n" .. head .. closing .. "\r\n"
end

local function get_widget(more)
  local file = world.widgets[math.random(#world.widgets)]
  local head = file.language and visitor.head:gsub("Accept%-Language: [^\r]*", "Accept-Language: " .. file.language)
    or visitor.head
  return read(file.path, more and head .. "If-None-Match: " .. file.etags .. "\r\n" or head)
end

local function check(token)
  return read("/gate/check?purpose=analytics", visitor.head .. "X-Consent-Token: " .. token .. "\r\n")
end

local function decide(head, action, choice)
  local key = ("Idempotency-Key: %s-%d-%d\r\nContent-Type: application/json\r\n"):format(os.getenv("RUN"), id, made)
  local body = '{"notice":"' .. world.notice .. '","action":"' .. action .. '"' .. choice .. "}"
  return message("POST /v1/sites/demo/decisions", head .. key, body)
end

local CHOICES = {
  ',"purposes":{"analytics":true,"quality":true},"acquire":{"ip":false,"device":true,"browsing":true}',
  ',"purposes":{"analytics":true,"advertising":false},"acquire":{"browsing":true,"language":true}',
}

local function move_what_is_known_everywhere()
  while recent[1] and recent[1].at_us + KNOWN_EVERYWHERE_US < now_us() do
    table.insert(withdrawn, table.remove(recent, 1).token)
  end
end

local ask = {
  ["widget first"] = function() return get_widget(false) end,
  ["widget known"] = function() return get_widget(true) end,
  ["token refresh"] = function()
    return message("POST /v1/sites/demo/token", visitor.head .. visitor.cookie, "")
  end,
  ["gate granted"] = function() return check(visitor.token) end,
  ["gate garbled"] = function() return check(visitor.token:sub(1, -9) .. "AAAAAAAA") end,
  ["gate withdrawn"] = function()
    move_what_is_known_everywhere()
    withdrawn_next = withdrawn_next % #withdrawn + 1
    return check(withdrawn[withdrawn_next])
  end,
  ["decision accept"] = function() return decide(person_head(), "accept", "") end,
  ["decision choose"] = function() return decide(person_head(), "choose", CHOICES[math.random(#CHOICES)]) end,
  ["decision refuse"] = function() return decide(person_head(), "reject", "") end,
  ["decision change"] = function()
    return decide(visitor.head .. visitor.cookie, "choose", CHOICES[math.random(#CHOICES)])
  end,
  ["decision withdraw"] = function() return decide(visitor.head .. visitor.cookie, "withdraw", "") end,
  ["preferences page"] = function() return read("/preferences/demo", visitor.head .. visitor.cookie) end,
}

local function pick(shares)
  local share = math.random() * 100
  for _, part in ipairs(shares) do
    if share < part[1] then
      return WITHIN[part[2]] and pick(WITHIN[part[2]]) or part[2]
    end
  end
end

local place

function request()
  local refreshed = FILLS and what == "token refresh"
  what = refreshed and "gate granted" or pick(MIX)
  if what == "gate withdrawn" and #withdrawn == 0 then
    what = "gate garbled"
  elseif what == "decision withdraw" and #world.visitors <= world.keep then
    what = "decision change"
  end
  place = refreshed and place or math.random(#world.visitors)
  visitor = world.visitors[place]
  local text = ask[what]()
  tally["sent|bytes"] = tally["sent|bytes"] + #text
  from_us = late_from_us or now_us()
  return text
end

-- A request that comes late because the one before it was slow is timed from when it was due.
function wait_until_due()
  local now = now_us()
  due_us = due_us - interval_us * math.log(1 - math.random())
  late_from_us = due_us < now and due_us or nil
  return late_from_us and 0 or math.ceil((due_us - now) / 1000)
end

local function count(key)
  tally[key] = (tally[key] or 0) + 1
end

local function show_fault(status, body)
  if faults_shown < SHOWN_FAULTS then
    faults_shown = faults_shown + 1
    io.stderr:write(("%s answered %d: %s\n"):format(what, status, body:sub(1, 300)))
  end
end

local function learn(body)
  if what == "decision withdraw" then
    table.insert(recent, { token = visitor.token, at_us = now_us() })
    table.remove(world.visitors, place)
  elseif what == "decision change" or what == "token refresh" then
    visitor.token = body:match('"token":"([^"]+)"') or visitor.token
  end
end

function response(status, headers, body)
  local now = now_us()
  local good = EXPECTED[what][status] or false
  count(("answer|%s|%d|%s"):format(what, status, good and "expected" or "unexpected"))
  if not good then
    return show_fault(status, body)
  end
  if now >= warm_until_us then
    local bucket = math.floor(math.log(math.max(now - from_us, 1)) / math.log(2) * BUCKETS_AN_OCTAVE)
    count(("took|%s|%d"):format(what:match("%a+"), bucket))
  end
  learn(body)
end

function done(summary, latency, requests)
  local whole = {}
  for _, thread in ipairs(threads) do
    for key, value in pairs(thread:get("tally")) do
      whole[key] = (whole[key] or 0) + value
    end
  end
  for key, value in pairs(whole) do
    print(key .. "|" .. value)
  end
  for _, name in ipairs({ "connect", "read", "write", "timeout" }) do
    print("socket|" .. name .. "|" .. summary.errors[name])
  end
  print("received|bytes|" .. summary.bytes)
  print("lasted|" .. summary.duration)
end
