-- Sends the requests of a file one after another: wrk … -- FILE NUMBER PLACE PAUSE
--
-- The file holds whole requests with a line of four dashes after each; PLACE are passed over. Twelve number signs in one
-- become a number, the first after NUMBER. A connection pauses for PAUSE milliseconds before each request.

local requests = {}
local number, place = 0, 0

function init(arguments)
  local file = assert(io.open(arguments[1], "rb"))
  local text = file:read("*a")
  file:close()
  local from = 1
  while true do
    local to, next = text:find("\n----\n", from, true)
    if not to then break end
    requests[#requests + 1] = text:sub(from, to - 1)
    from = next + 1
  end
  number, place = tonumber(arguments[2]), tonumber(arguments[3])
  local pause = tonumber(arguments[4])
  if pause > 0 then
    -- Around its mean, so that the connections do not march in step.
    function delay() return math.floor(pause * (0.5 + math.random())) end
  end
end

function request()
  local text = requests[place % #requests + 1]
  number, place = number + 1, place + 1
  if text:find("############", 1, true) then
    text = text:gsub("############", string.format("%012d", number))
  end
  return text
end

function done(summary, latency)
  local errors = summary.errors
  io.write(string.format(
    '\n{"requests": %d, "seconds": %f, "p50": %d, "p99": %d, "statuses": %d, "failures": %d, "timeouts": %d}\n',
    summary.requests, summary.duration / 1e6, latency:percentile(50), latency:percentile(99), errors.status,
    errors.connect + errors.read + errors.write, errors.timeout))
end
