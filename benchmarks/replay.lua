-- Sends the requests of a file, over and over, from a random one on; where a rate is given, at it.
-- A line is: method, path, body, version, and then names and values of headers; between them a tab.
-- "{n}" becomes a number, another one each time; "{v}" the version, one more each time that the
-- line is sent.

local ffi = require("ffi")
ffi.cdef [[
   typedef struct { long seconds; long nanoseconds; } sokho_time;
   int clock_gettime(int clock, sokho_time *now);
]]

local MONOTONIC = 1
local lines, position, number = {}, 0, 0
local interval, due

local function split(text)
   local fields = {}
   for field in (text .. "\t"):gmatch("([^\t]*)\t") do fields[#fields + 1] = field end
   return fields
end

local function format(line)
   local function filled(text)
      return (text:gsub("{n}", string.format("%d", number)):gsub("{v}", tostring(line.version)))
   end
   local headers = {}
   for name, value in pairs(line.headers) do headers[name] = filled(value) end
   local body = line.body ~= "" and filled(line.body) or nil
   return wrk.format(line.method, line.path, headers, body)
end

function init(args)
   for text in io.lines(args[1]) do
      local fields = split(text)
      local line = { method = fields[1], path = fields[2], body = fields[3], headers = {} }
      line.version = tonumber(fields[4]) or 0
      for n = 5, #fields, 2 do line.headers[fields[n]] = fields[n + 1] end
      if not text:find("{[nv]}") then line.ready = format(line) end
      lines[#lines + 1] = line
   end
   math.randomseed(tonumber(args[2]))
   position = math.random(#lines)
   number = tonumber(args[2]) * 1000000
end

local function next_request()
   position = position % #lines + 1
   local line = lines[position]
   if line.ready then return line.ready end
   number = number + 1
   local formatted = format(line)
   line.version = line.version + 1
   return formatted
end

-- wrk asks for a first request only to look at it, and does not send it.
function request()
   request = next_request
   return format(lines[position])
end

local function milliseconds()
   local now = ffi.new("sokho_time")
   ffi.C.clock_gettime(MONOTONIC, now)
   return tonumber(now.seconds) * 1000 + tonumber(now.nanoseconds) / 1e6
end

-- Only where a rate is given does wrk find a `delay`: so the other runs do without it.
-- All connections draw from one timetable; a turn that comes when none is free is taken as soon as
-- one is.
if os.getenv("BENCHMARK_RATE") then
   interval = 1000 / tonumber(os.getenv("BENCHMARK_RATE"))

   function delay()
      local now = milliseconds()
      due = (due or now) + interval
      return math.max(0, math.floor(due - now + 0.5))
   end
end

function done(summary, latency)
   local failed = summary.errors.connect + summary.errors.read + summary.errors.write
      + summary.errors.status + summary.errors.timeout
   io.write(string.format(
      '\n{"requests": %d, "seconds": %f, "failed": %d, "p50_ms": %f, "p99_ms": %f}\n',
      summary.requests, summary.duration / 1e6, failed,
      latency:percentile(50) / 1000, latency:percentile(99) / 1000))
end
