-- For wrk: `wrk -t1 … -s prepared.lua URL -- FILE`. A line of the file is METHOD, path, token and body, between tabs. The requests are made in
-- turn; eight zeros in a body become a number that counts on, so that no two bodies are the same.

local requests, at = {}, 0

function init(args)
  for line in io.lines(args[1]) do
    local method, path, token, body = line:match("^(%S+)\t(%S+)\t(%S*)\t(.*)$")
    local headers = { ["Authorization"] = "Bearer " .. token }
    if body ~= "" then headers["Content-Type"] = "application/json" end
    if method == "PUT" then headers["If-Match"] = "*" end
    local text = wrk.format(method, path, headers, body ~= "" and body or nil)
    local first, last = text:find("00000000", 1, true)
    requests[#requests + 1] = first and { text:sub(1, first - 1), text:sub(last + 1) } or { text }
  end
end

function request()
  at = at + 1
  local parts = requests[at % #requests + 1]
  if parts[2] then return parts[1] .. string.format("%08d", at) .. parts[2] end
  return parts[1]
end

function done(summary, latency)
  local bad = summary.errors.status + summary.errors.connect + summary.errors.read + summary.errors.write + summary.errors.timeout
  print(string.format("RESULT %d %d %.1f %.1f %d",
    summary.requests, summary.duration, latency:percentile(50), latency:percentile(99), bad))
end
