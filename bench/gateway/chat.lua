-- wrk script: POST the body in a file, numbered afresh in every request, and report the run as one JSON line.
-- Argument after "--": the body's file. Its text "n0000000" (once) is replaced by a counter of the same length, so no
-- two prompts are equal and no gateway can answer or decide from memory. The counter is hexadecimal, so that nobody
-- takes it for a telephone number.

local before, after
local sent = 0

function init(args)
  local file = assert(io.open(args[1], "rb"))
  local body = file:read("*a")
  file:close()
  local first, last = body:find("n0000000", 1, true)
  before = wrk.format("POST", nil, nil, body)
  first = #before - #body + first
  last = #before - #body + last
  after = before:sub(last + 1)
  before = before:sub(1, first - 1)
end

function request()
  sent = sent + 1
  return before .. string.format("n%07x", sent) .. after
end

function done(summary, latency, requests)
  local failed = summary.errors
  io.write(string.format(
    '{"requests":%d,"elapsed_us":%d,"p50_us":%d,"p99_us":%d,"connect":%d,"read":%d,"write":%d,"timeout":%d,"status":%d}\n',
    summary.requests, summary.duration, latency:percentile(50), latency:percentile(99),
    failed.connect, failed.read, failed.write, failed.timeout, failed.status))
end
