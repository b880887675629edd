SELECT * FROM update_specification(:session, :owner, :spec, NULL, NULL, 'Revision ' || :r::bigint || repeat(' and so on', 38));
