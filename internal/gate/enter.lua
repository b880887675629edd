-- Spends one request from each budget, or from none if one has nothing left. Then
-- looks for an answer, or marks that something of the user may change.
--
-- KEYS: the budgets; then, where something is asked, what is kept of the user:
-- epoch, marks, session, answer.
-- ARGV: what is asked (rates, answer or change); the moment before which nothing
-- is believed; how long an epoch is kept at least and a mark at most, in
-- milliseconds; of each budget the cost of a request and the most that may be
-- owed, in microseconds.
-- Answers 1 or 0; the time, or 0 where nobody needs it; what each budget owes now;
-- the epoch and the answer, which is empty if there is none. Times are in
-- microseconds.
local asked, since, epochFor, markFor = ARGV[1], tonumber(ARGV[2]), ARGV[3], ARGV[4]
local budgets = (#ARGV - 4) / 2
local values = redis.call('MGET', unpack(KEYS)) -- all at once: each call costs about as much as all of them
local now = 0
local function tell()
  local time = redis.call('TIME')
  now = time[1] * 1000000 + time[2]
end
if budgets > 0 or asked ~= 'answer' then tell() end
local answer = {1, now}
local function keep(key, owed)
  redis.call('SET', key, ('%.0f'):format(now + owed), 'PX', math.ceil(owed / 1000))
  return owed
end
for i = 1, budgets do
  local cost, most = tonumber(ARGV[2 * i + 3]), tonumber(ARGV[2 * i + 4])
  local owed = math.max((values[i] or now) - now, 0)
  if owed > most then owed = keep(KEYS[i], most) end -- the clock was set back, or the rate lowered
  if owed + cost > most then answer[1] = 0 end
  answer[i + 2] = owed
end
if answer[1] == 0 then return answer end
for i = 1, budgets do
  answer[i + 2] = keep(KEYS[i], answer[i + 2] + ARGV[2 * i + 3])
end

local epochKey, marks = KEYS[budgets + 1], KEYS[budgets + 2]
if asked == 'change' then
  redis.call('DEL', epochKey)
  redis.call('INCR', marks)
  redis.call('PEXPIRE', marks, markFor)
elseif asked == 'answer' and not values[budgets + 2] then
  local epoch, session, kept = values[budgets + 1], values[budgets + 3], values[budgets + 4]
  if not epoch or tonumber(epoch) < since then
    tell()
    epoch = ('%.0f'):format(now) -- no other of this user has the same, and each is later than those before
    redis.call('SET', epochKey, epoch, 'PX', epochFor)
  end
  local good = session == epoch and kept and kept:sub(1, #epoch) == epoch
  answer[budgets + 3], answer[budgets + 4] = epoch, good and kept or ''
end
return answer
