-- Charges one request to each limit, or to none if one is exhausted.
--
-- KEYS: the limits, then keys of the script that is appended.
-- ARGV: the number of limits; the emission interval and the burst of each, in
-- microseconds; then arguments of the script that is appended.
-- reply: 1 or 0 for allowed; how far the TAT of each limit is ahead, in microseconds.
local time = redis.call('TIME')
local now = time[1] * 1000000 + time[2]
local limits = tonumber(ARGV[1])
local reply = {1}
local function integer(v) return ('%.0f'):format(v) end
if limits > 0 then
  local tats = redis.call('MGET', unpack(KEYS, 1, limits))
  local function set(i, ahead)
    redis.call('SET', KEYS[i], integer(now + ahead), 'PX', math.ceil(ahead / 1000))
    return ahead
  end
  for i = 1, limits do
    local interval, burst = tonumber(ARGV[2 * i]), tonumber(ARGV[2 * i + 1])
    local ahead = math.max((tats[i] or now) - now, 0)
    if ahead > burst then ahead = set(i, burst) end -- the clock was set back, or the rate lowered
    if ahead + interval > burst then reply[1] = 0 end
    reply[i + 1] = ahead
  end
  if reply[1] == 0 then return reply end
  for i = 1, limits do reply[i + 1] = set(i, reply[i + 1] + ARGV[2 * i]) end
end
