-- wrk -s complete.lua ADDRESS -- TOKEN FILE: completes each id of a file, then stops.
local ids, next_id, answered = {}, 0, 0
-- What is on its way when wrk stops is cut off: a few ids are completed twice, so that none is missed.
local again = 64

function init(arguments)
  wrk.method = "POST"
  wrk.headers["Authorization"] = "Bearer " .. arguments[1]
  for id in io.lines(arguments[2]) do
    ids[#ids + 1] = id
  end
end

function request()
  next_id = next_id % #ids + 1
  return wrk.format(nil, "/api/v1/files/" .. ids[next_id] .. "/complete")
end

function response()
  answered = answered + 1
  if answered >= #ids + again then
    wrk.thread:stop()
  end
end

function done(summary)
  local errors = summary.errors
  io.write(string.format('\n{"failed": %d}\n',
    errors.connect + errors.read + errors.write + errors.status + errors.timeout))
end
