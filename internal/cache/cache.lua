-- Is appended to gcra.lua, which has charged the request's limits.
--
-- KEYS: after the limits the bookkeeping of a user; the response, for lookup and store.
-- ARGV: after the limits the operation; a nonce; the quiet period in microseconds; the
-- TTL of the bookkeeping in milliseconds; the writes that are over, each
-- "id scope scope;"; the replica; the operands.
--
-- The bookkeeping is one hash, so that Redis evicts all of it or nothing:
--   run        the run id of the Redis process that has made it
--   id         its identity, a nonce
--   from       the time before which nothing is served
--   n          the number of events: begins and ends of writes
--   w          the pending writes, each "id deadline scope scope;"
--   g:<scope>  n at the last event of the scope, g:* of all scopes
--   s:<id>     "identity until" of a session that was live
-- A stored response begins with the line "identity scope,scope n time", of its lookup.
-- Times are in microseconds.
local arg = 2 * limits + 1
local operation, nonce, quiet, ttl = ARGV[arg + 1], ARGV[arg + 2], tonumber(ARGV[arg + 3]), ARGV[arg + 4]
local ended, replica = ARGV[arg + 5], ARGV[arg + 6]
local function operand(i) return ARGV[arg + 6 + i] end
local book, response = KEYS[limits + 1], KEYS[limits + 2]
local maxFields, maxPending = 2000, 8192

-- Whatever mark was lost with the bookkeeping, or with the process that had it, belongs
-- to a write that is over after the quiet period. Without a run id nothing can be
-- trusted.
local info = redis.pcall('INFO', 'server')
local at = type(info) == 'string' and info:find('run_id:', 1, true)
local run = at and info:sub(at + 7, at + 46)
local found = redis.call('HMGET', book, 'run', 'id', 'from', 'n', 'w')
if not run or found[1] ~= run or #found[5] > maxPending or redis.call('HLEN', book) > maxFields then
  found = {run or '', nonce, integer(now + (run and quiet or 1e15)), '0', ''}
  redis.call('DEL', book)
  redis.call('HSET', book, 'run', found[1], 'id', found[2], 'from', found[3], 'n', found[4], 'w', found[5])
  redis.call('PEXPIRE', book, ttl)
end
local id, from, n, pending = found[2], tonumber(found[3]), tonumber(found[4]), found[5]

-- Changes of the bookkeeping are written with one command.
local fields, marked = {}, false
local function set(field, value)
  fields[#fields + 1] = field
  fields[#fields + 1] = value
end

local function count(scopes)
  n = n + 1
  marked = true
  for scope in scopes:gmatch('%S+') do set('g:' .. scope, integer(n)) end
end

local function save()
  if marked then
    set('n', integer(n))
    set('w', pending)
  end
  if #fields > 0 then redis.call('HSET', book, unpack(fields)) end
  fields, marked = {}, false
end

-- end_writes ends a write, and those whose deadline has passed. It returns whether the
-- write was pending.
local function end_writes(ended)
  if pending == '' then return false end
  local left, was_pending = '', false
  for mark in pending:gmatch('[^;]+') do
    local id_of_write, deadline, scopes = mark:match('^(%S+) (%S+) (.+)$')
    was_pending = was_pending or id_of_write == ended
    if id_of_write == ended or tonumber(deadline) <= now then count(scopes) else left = left .. mark .. ';' end
  end
  pending = left
  return was_pending
end

local function is_pending(scopes)
  for mark in pending:gmatch('[^;]+') do
    local written = ' ' .. mark:match('^%S+ %S+ (.+)$') .. ' '
    for scope in scopes:gmatch('[^,]+') do
      if scope == '*' or written:find(' * ', 1, true) or written:find(' ' .. scope .. ' ', 1, true) then return true end
    end
  end
  return false
end

-- generation is the count of the last event that one of the scopes depends on.
local function generation(scopes)
  if scopes == '*' then return n end
  local names, last = {'g:*'}, 0
  for scope in scopes:gmatch('[^,]+') do names[#names + 1] = 'g:' .. scope end
  for _, event in ipairs(redis.call('HMGET', book, unpack(names))) do last = math.max(last, tonumber(event or 0)) end
  return last
end

-- publish notifies the replicas that stream changes of the user. It may fail where the
-- rights of an ACL are missing; replicas then query the database once a second.
local function publish(scopes)
  local command = type(info) == 'string' and info:find('redis_mode:cluster', 1, true) and 'SPUBLISH' or 'PUBLISH'
  redis.pcall(command, (book:gsub(':cache$', ':changes')), replica .. ' ' .. scopes)
end

for mark in ended:gmatch('[^;]+') do
  local id_of_write, scopes = mark:match('^(%S+) (.+)$')
  publish(scopes)
  -- A mark that is gone has ended by its deadline, or was lost: what was read since then
  -- may be older than the write.
  if not end_writes(id_of_write) then count(scopes) end
end

if operation == 'lookup' then -- session, the TTL of responses
  local generation_id, value = '', ''
  end_writes('')
  save()
  redis.call('PEXPIRE', book, ttl) -- fails at a demoted primary, which must serve nothing
  if now >= from then
    generation_id = id
    local stored = redis.call('GET', response)
    local scopes, at, stored_at = (stored or ''):match('^' .. id .. ' (%S+) (%d+) (%d+)\n')
    if scopes and is_pending(scopes) then
      generation_id = ''
    elseif scopes and tonumber(at) >= generation(scopes) and now - stored_at < tonumber(operand(2)) then
      local live, until_ = (redis.call('HGET', book, 's:' .. operand(1)) or ''):match('^(%S+) (%d+)$')
      if live == id and tonumber(until_) > now then value = stored end
    end
  end
  reply[limits + 2], reply[limits + 3], reply[limits + 4], reply[limits + 5] = generation_id, integer(n), integer(now), value
elseif operation == 'begin' then -- write, scopes, how long it may take
  end_writes(operand(1))
  count(operand(2))
  pending = pending .. operand(1) .. ' ' .. integer(now + operand(3)) .. ' ' .. operand(2) .. ';'
  save()
  redis.call('PEXPIRE', book, ttl)
elseif operation == 'store' then -- identity, session, its lifetime, the record, its TTL, the time of the lookup
  -- A store may arrive late. All times count from the lookup, so that nothing that was
  -- looked up before a notification is served after the detached period.
  local age = now - operand(6)
  local left = math.floor((operand(5) - age) / 1000)
  if id == operand(1) and age >= 0 and left > 0 then
    redis.call('SET', response, operand(4), 'PX', left)
    set('s:' .. operand(2), id .. ' ' .. integer(operand(6) + operand(3)))
    redis.call('PEXPIRE', book, ttl)
  end
elseif operation == 'invalidate' then
  set('id', nonce)
  publish('*')
end
save()
return reply
