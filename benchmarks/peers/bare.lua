-- The floor: the peer's runtime and database, and one row of a body like the peer's.
local body = '{"subject":"%s","domain":"shop.test","preferences":{"measurement":true,"marketing":true},"given_at":%d}'
local made, run = 0, os.getenv("RUN")

function request()
  made = made + 1
  return wrk.format("POST", "/bare", { ["Content-Type"] = "application/json" }, body:format(run .. "-" .. made, os.time()))
end
