-- Spends one request from each budget, or from none if one has nothing left.
-- KEYS: the budgets. ARGV: of each, the cost of a request and the most that may be
-- owed, in microseconds. Answers 1 or 0, then what each budget owes now.
local time = redis.call('TIME')
local now, answer = time[1] * 1000000 + time[2], {1}
local function keep(key, owed)
  redis.call('SET', key, ('%.0f'):format(now + owed), 'PX', math.ceil(owed / 1000))
  return owed
end
for i, key in ipairs(KEYS) do
  local cost, most = tonumber(ARGV[2 * i - 1]), tonumber(ARGV[2 * i])
  local owed = math.max((redis.call('GET', key) or now) - now, 0)
  if owed > most then owed = keep(key, most) end -- the clock was set back, or the rate lowered
  if owed + cost > most then answer[1] = 0 end
  answer[i + 1] = owed
end
for i, key in ipairs(answer[1] == 1 and KEYS or {}) do
  answer[i + 1] = keep(key, answer[i + 1] + ARGV[2 * i - 1])
end
return answer
