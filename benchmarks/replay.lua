-- Sends the requests of a file, over and over, from a random one on.
-- A line is: method, path, name of a header, its value, body, "key" where the request has to have
-- an Idempotency-Key; between them a tab.
-- "{n}" in a body becomes a number, another one each time.

local lines, ready, position, number = {}, {}, 0, 0

local function format(line, body)
   local headers = { [line[3]] = line[4], ["Content-Type"] = "application/json" }
   if line[6] == "key" then headers["Idempotency-Key"] = string.format("bench-%d", number) end
   return wrk.format(line[1], line[2], headers, body)
end

function init(args)
   for text in io.lines(args[1]) do
      local line = {}
      for field in (text .. "\t"):gmatch("([^\t]*)\t") do line[#line + 1] = field end
      lines[#lines + 1] = line
      if line[5] == "" then ready[#lines] = format(line, nil) end
   end
   math.randomseed(tonumber(args[2]))
   position = math.random(#lines)
   number = tonumber(args[2]) * 1000000
end

function request()
   position = position % #lines + 1
   local line = lines[position]
   if ready[position] then return ready[position] end
   number = number + 1
   return format(line, (line[5]:gsub("{n}", string.format("%d", number))))
end

function done(summary, latency)
   local failed = summary.errors.connect + summary.errors.read + summary.errors.write
      + summary.errors.status + summary.errors.timeout
   io.write(string.format(
      '\n{"requests": %d, "seconds": %f, "failed": %d, "p50_ms": %f, "p99_ms": %f}\n',
      summary.requests, summary.duration / 1e6, failed,
      latency:percentile(50) / 1000, latency:percentile(99) / 1000))
end
