-- wrk -s wrk.lua URL -- METHOD TOKEN [BODY]: the same request for as long as it takes, and what came of it.
function init(arguments)
  wrk.method = arguments[1]
  wrk.headers["Authorization"] = "Bearer " .. arguments[2]
  if arguments[3] then
    wrk.body = arguments[3]
    wrk.headers["Content-Type"] = "application/json"
  end
end

function done(summary, latency)
  local errors = summary.errors
  io.write(string.format(
    '\n{"requests": %d, "seconds": %f, "failed": %d, "p50_ms": %f, "p99_ms": %f}\n',
    summary.requests, summary.duration / 1e6,
    errors.connect + errors.read + errors.write + errors.status + errors.timeout,
    latency:percentile(50) / 1e3, latency:percentile(99) / 1e3))
end
