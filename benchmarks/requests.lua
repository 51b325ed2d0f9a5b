-- For wrk: `wrk -t N … -s requests.lua URL -- METHOD FIRST_DAYS_FILE TOKEN…`, one thread and one user for each token.
-- Every line of the file is a path; they are asked for in turn, so that no two requests under way write the same day.

local threads = 0

function setup(thread)
  threads = threads + 1
  thread:set("number", threads)
end

function init(args)
  method = args[1]
  paths = {}
  for line in io.lines(args[2]) do paths[#paths + 1] = line end
  count = number * 7919
  headers = { ["Authorization"] = "Bearer " .. args[2 + number] }
  if method == "PUT" then
    headers["Content-Type"] = "application/json"
    headers["If-Match"] = "*"
  end
  text = string.rep("This morning I rose and went to the office. ", 32)
end

function request()
  count = count + 1
  local body = nil
  if method == "PUT" then body = string.format('{"title":"%d","body":"%s"}', count, text) end
  return wrk.format(method, paths[count % #paths + 1], headers, body)
end

function done(summary, latency)
  local bad = summary.errors.status + summary.errors.connect + summary.errors.read + summary.errors.write + summary.errors.timeout
  print(string.format("RESULT %d %d %.1f %.1f %d",
    summary.requests, summary.duration, latency:percentile(50), latency:percentile(99), bad))
end
