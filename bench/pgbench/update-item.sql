SELECT * FROM update_item(:session, :owner, :item, NULL, 'Point ' || :r::bigint || repeat(' and so on', 38));
