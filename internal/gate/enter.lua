-- Spends one request from each budget, or from none if one has nothing left. Then
-- looks for an answer, or marks that something of the user may change.
--
-- KEYS: the budgets; then, where something is asked, what is kept of the user:
-- epoch, marks, session, answer.
-- ARGV: what is asked (rates, answer or change); the moment before which nothing
-- is believed; how long an epoch is kept at least and a mark at most, in
-- milliseconds; of each budget the cost of a request and the most that may be
-- owed, in microseconds.
-- Answers 1 or 0, the time, what each budget owes now, the epoch and the answer,
-- both empty where there is none. The time is in microseconds.
local time = redis.call('TIME')
local now = time[1] * 1000000 + time[2]
local asked, since, epochFor, markFor = ARGV[1], tonumber(ARGV[2]), ARGV[3], ARGV[4]
local budgets = (#ARGV - 4) / 2
local answer = {1, now}
local function keep(key, owed)
  redis.call('SET', key, ('%.0f'):format(now + owed), 'PX', math.ceil(owed / 1000))
  return owed
end
for i = 1, budgets do
  local cost, most = tonumber(ARGV[2 * i + 3]), tonumber(ARGV[2 * i + 4])
  local owed = math.max((redis.call('GET', KEYS[i]) or now) - now, 0)
  if owed > most then owed = keep(KEYS[i], most) end -- the clock was set back, or the rate lowered
  if owed + cost > most then answer[1] = 0 end
  answer[i + 2] = owed
end
if answer[1] == 0 then return answer end
for i = 1, budgets do
  answer[i + 2] = keep(KEYS[i], answer[i + 2] + ARGV[2 * i + 3])
end

local epochKey, marks, session, kept = KEYS[budgets + 1], KEYS[budgets + 2], KEYS[budgets + 3], KEYS[budgets + 4]
if asked == 'change' then
  redis.call('DEL', epochKey)
  redis.call('INCR', marks)
  redis.call('PEXPIRE', marks, markFor)
elseif asked == 'answer' and redis.call('EXISTS', marks) == 0 then
  local epoch = redis.call('GET', epochKey)
  if not epoch or tonumber(epoch) < since then
    epoch = ('%.0f'):format(now) -- no other of this user has the same, and each is later than those before
    redis.call('SET', epochKey, epoch, 'PX', epochFor)
  end
  answer[budgets + 3], answer[budgets + 4] = epoch, ''
  if redis.call('GET', session) == epoch then
    local found = redis.call('GET', kept)
    if found and found:sub(1, #epoch) == epoch then answer[budgets + 4] = found end
  end
end
return answer
