-- What c15t's own client sends when a visitor accepts: a new subject, and the token that /init gave for its policy.
local letters = "123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz"
local headers = {
  ["Content-Type"] = "application/json",
  ["Origin"] = "http://shop.test",
  ["X-Country-Code"] = "DE",
  ["User-Agent"] = "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 Chrome/156.0.0.0 Safari/537.36",
}
local body = '{"type":"cookie_banner","subjectId":"sub_%s","domain":"shop.test",'
  .. '"preferences":{"necessary":true,"functionality":true,"experience":true,"measurement":true,"marketing":true},'
  .. '"jurisdiction":"GDPR","jurisdictionModel":"opt-in","givenAt":%s,"uiSource":"banner","consentAction":"all",'
  .. '"policySnapshotToken":"%s"}'
local given_at = tostring(os.time()) .. "000"
local snapshot = os.getenv("SNAPSHOT")

function init()
  math.randomseed(tonumber(os.getenv("SEED")))
end

function request()
  local name = {}
  for place = 1, 22 do
    local at = math.random(#letters)
    name[place] = letters:sub(at, at)
  end
  return wrk.format("POST", "/api/c15t/subjects", headers, body:format(table.concat(name), given_at, snapshot))
end
