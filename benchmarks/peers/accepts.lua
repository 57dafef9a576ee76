-- A new visitor accepts everything, as the widget sends it.
local made, run = 0, os.getenv("RUN")
local headers = {
  ["Content-Type"] = "application/json",
  ["User-Agent"] = "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 Chrome/156.0.0.0 Safari/537.36",
}
local body = '{"notice":"' .. os.getenv("NOTICE") .. '","action":"accept"}'

function request()
  made = made + 1
  headers["Idempotency-Key"] = run .. "-" .. made
  return wrk.format("POST", "/v1/sites/demo/decisions", headers, body)
end
