-- Lets nothing that is kept of a user be believed any more, and takes a mark back.
-- KEYS: epoch, marks. ARGV: 1 if there is a mark to take back.
redis.call('DEL', KEYS[1])
if ARGV[1] == '1' and redis.call('DECR', KEYS[2]) <= 0 then redis.call('DEL', KEYS[2]) end
return 1 -- no answer would be taken for none
